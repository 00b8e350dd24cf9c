"""What a person sees and says of their account, through the client: sessions, the audit, who may find it."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from scripts.local.people import Person, mailed_link
from scripts.local.stack import Backing, Suite
from scripts.local.web import call
from sealpost.errors import NotSignedIn, ServiceProblem

Enter = Callable[[str], Person]


def sign_in_again(person: Person, suite: Suite, backing: Backing) -> None:
    mails = call("GET", f"{backing.mailbox}/messages.json?to={quote(person.address)}").json
    person.sign_up(suite.url)
    newest = max(mail["number"] for mail in mails)
    person.sign_in(mailed_link(backing.mailbox, person.address, after=newest))


def test_sessions_are_listed_named_and_ended(enter: Enter, suite: Suite, backing: Backing) -> None:
    alice = enter("alice")
    sign_in_again(alice, suite, backing)
    current, earlier = alice.do(lambda account: list(account.sessions.list()))
    assert (current.current, earlier.current) == (True, False)
    assert current.device == earlier.device

    alice.do(lambda account: account.sessions.name(earlier.id[:10], "the first ✓"))
    assert [one.name for one in alice.do(lambda account: list(account.sessions.list()))] == [
        None,
        "the first ✓",
    ]
    alice.do(lambda account: account.sessions.revoke(earlier.id))
    assert [one.id for one in alice.do(lambda account: list(account.sessions.list()))] == [current.id]
    told = [(entry.act, entry.session) for entry in alice.do(lambda account: list(account.audit()))]
    assert told[0] == ("session-ended", earlier.id)
    assert ("session-begun", current.id) in told

    alice.do(lambda account: account.sessions.revoke_all())
    assert not alice.do(lambda account: account.whoami().signed_in)
    with pytest.raises(NotSignedIn):
        alice.do(lambda account: account.inbox())


def test_a_closed_account_is_found_by_whom_it_knows(enter: Enter) -> None:
    alice, bob, carol = enter("alice"), enter("bob"), enter("carol")
    bob.send(alice.address, "we know one another")
    alice.do(lambda account: account.set_discovery(is_open=False))

    bob.send(alice.address, "still")
    with pytest.raises(ServiceProblem) as raised:
        carol.send(alice.address, "hello?")
    assert raised.value.code == "not-found"

    alice.do(lambda account: account.set_discovery(is_open=True))
    assert carol.send(alice.address, "hello!").first
