"""The smoke test of a deployment: two new people sign up, one writes to the other, by the real client."""

import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from scripts.cloud.identity import call
from scripts.cloud.tools import Refused
from scripts.local.people import Person
from scripts.local.say import Stop
from sealpost.errors import SealpostError
from sealpost.receiving import Message


def smoke(service: str, operator: str, code: Callable[[str], str]) -> None:
    """Play the main job against `service`. The two addresses are variants of the operator's, who gets their mails.

    The two accounts stay: what was signed up is not undone by a test.

    Raises:
        Refused: the message did not arrive as it was sent.
    """
    name, _, host = operator.partition("@")
    mark = secrets.token_hex(4)
    text = f"Smoke test {mark}"
    with tempfile.TemporaryDirectory() as home:
        people = [Person(one, f"{name}+{one}-{mark}@{host}", home=Path(home)) for one in ("ada", "bob")]
        ada, bob = people
        try:
            for person in people:
                person.sign_up(service)
                person.sign_in(code(person.address))
            listening = bob.listen()
            ada.send(bob.address, text)
            item = listening.message()
        except (Stop, SealpostError) as error:
            raise Refused(f"The smoke test was stopped: {error}") from None
        finally:
            for person in people:
                person.close()
    if not isinstance(item, Message) or item.text != text:
        raise Refused("The smoke test's message did not arrive as it was sent.")


def code_of(project: str, address: str) -> str:
    """A sign-in code for an address, which Identity Toolkit tells the project's administrators without a mail.

    Raises:
        Refused: it does not.
    """
    order = {
        "requestType": "EMAIL_SIGNIN",
        "email": address,
        "continueUrl": f"https://{project}.firebaseapp.com/",
        "canHandleCodeInApp": True,
        "returnOobLink": True,
    }
    answer = call(project, "POST", f"v1/projects/{project}/accounts:sendOobCode", order)
    return parse_qs(urlsplit(str(answer["oobLink"])).query)["oobCode"][0]
