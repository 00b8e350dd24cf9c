"""That a restored database lets nobody in whom the rules do not: tried, as a stranger would."""

import base64
import json

from scripts.local.say import Stop
from scripts.local.web import call
from scripts.restoring.documents import Documents

_DENIED = 403


def strangers_are_refused(documents: Documents) -> None:
    """Read as nobody, and as somebody who has a token and no session: a document, a list, the collection group.

    Raises:
        Stop: one was let in.
    """
    root = f"{documents.emulator.url}/v1/{documents.root}"
    query = {"structuredQuery": {"from": [{"collectionId": "messages", "allDescendants": True}], "limit": 1}}
    some = documents.page("messages", None, 1) or documents.page("conversations", None, 1)
    path = documents.path(some[0]) if some else "conversations/none"
    for who, bearer in (("nobody", None), ("a stranger", _token(documents.project))):
        for what, answer in (
            ("a document", call("GET", f"{root}/{path}", bearer=bearer)),
            ("a list", call("GET", f"{root}/conversations?pageSize=1", bearer=bearer)),
            ("all messages", call("POST", f"{root}:runQuery", query, bearer=bearer)),
        ):
            if answer.status != _DENIED:
                raise Stop(
                    f"The restored documents are open: {who} asked for {what} and was answered {answer.status}. "
                    "They are not ready, and firestore.rules has to be looked at."
                )


def _token(project: str) -> str:
    """A token that Firebase would sign for any new user. The emulator takes it unsigned."""
    claims = {
        "sub": "stranger",
        "user_id": "stranger",
        "aud": project,
        "iss": f"https://securetoken.google.com/{project}",
    }
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        + "."
    )
