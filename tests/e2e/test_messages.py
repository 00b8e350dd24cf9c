"""Two people and a stranger, through the real client, on real parts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from scripts.local.emulators import OWNER
from scripts.local.people import Person
from scripts.local.stack import Backing, Suite
from scripts.local.web import call
from sealpost.receiving import Message

OK, DENIED = 200, 403
Enter = Callable[[str], Person]


class Reader:
    """Firestore over REST with the ID token of a person's own session."""

    def __init__(self, person: Person, backing: Backing, suite: Suite) -> None:
        self.uid = person.do(lambda account: account.whoami().uid)
        self._token = person.do(lambda account: account._session.id_token().value)
        self._documents = f"projects/{suite.project}/databases/(default)/documents"
        self._url = f"{backing.firestore.url}/v1/{self._documents}"

    def get(self, path: str) -> int:
        return call("GET", f"{self._url}/{path}", bearer=self._token).status

    def query(self, member: str | None) -> int:
        """The status of the listener's query: messages whose members hold `member`, or all."""
        query: dict[str, Any] = {
            "from": [{"collectionId": "messages", "allDescendants": True}],
            "orderBy": [{"field": {"fieldPath": "sent_at"}}],
            "limit": 10,
        }
        if member is not None:
            field = {
                "field": {"fieldPath": "members"},
                "op": "ARRAY_CONTAINS",
                "value": {"stringValue": member},
            }
            query["where"] = {"fieldFilter": field}
        return call("POST", f"{self._url}:runQuery", {"structuredQuery": query}, bearer=self._token).status

    def write(self, path: str) -> int:
        body = {
            "writes": [
                {"update": {"name": f"{self._documents}/{path}", "fields": {"x": {"stringValue": "y"}}}}
            ]
        }
        return call("POST", f"{self._url}:commit", body, bearer=self._token).status


def test_a_listener_gets_what_is_sent_after_it_began(enter: Enter) -> None:
    alice, bob = enter("alice"), enter("bob")
    listening = bob.listen()
    receipt = alice.send(bob.address, "Grüße, nur für dich ✓\nzweite Zeile")
    item = listening.message()
    assert isinstance(item, Message)
    assert (item.id, item.address) == (receipt.message_id, alice.address)
    assert item.text == "Grüße, nur für dich ✓\nzweite Zeile"


def test_what_came_while_nobody_listened_is_in_the_inbox_once(enter: Enter) -> None:
    alice, bob = enter("alice"), enter("bob")
    for number in range(3):
        alice.send(bob.address, f"number {number}")
    items = bob.do(lambda account: account.inbox())
    assert [item.text for item in items if isinstance(item, Message)] == ["number 0", "number 1", "number 2"]
    answer = bob.send(alice.address, "got them")
    (back,) = alice.do(lambda account: [item for item in account.inbox() if item.id == answer.message_id])
    assert isinstance(back, Message)
    assert back.text == "got them"


def test_the_trigger_raises_the_conversations_last_message_at(
    enter: Enter, backing: Backing, suite: Suite
) -> None:
    alice, bob = enter("alice"), enter("bob")
    receipt = alice.send(bob.address, "hello")
    url = f"{backing.firestore.url}/v1/projects/{suite.project}/databases/(default)/documents/conversations/{receipt.conversation_id}"
    sent = int(receipt.sent_at.timestamp() * 1000)
    end = time.monotonic() + 15
    while (
        raised := int(call("GET", url, bearer=OWNER).json["fields"]["last_message_at"]["integerValue"])
    ) < sent:
        assert time.monotonic() < end, f"{raised} is before {sent}"
        time.sleep(0.05)
    assert raised == sent


@pytest.fixture
def sent(enter: Enter) -> tuple[Person, Person, str]:
    """Alice, Bob, and the path of a message from her to him."""
    alice, bob = enter("alice"), enter("bob")
    receipt = alice.send(bob.address, "for Bob alone")
    return alice, bob, f"conversations/{receipt.conversation_id}/messages/{receipt.message_id}"


def test_a_stranger_with_a_session_of_their_own_reads_nothing_of_it(
    enter: Enter, sent: tuple[Person, Person, str], backing: Backing, suite: Suite
) -> None:
    alice, bob, path = sent
    stranger, reader = Reader(enter("carol"), backing, suite), Reader(bob, backing, suite)
    assert (reader.get(path), reader.query(reader.uid)) == (OK, OK)
    assert (stranger.get(path), stranger.get(path.split("/messages")[0])) == (DENIED, DENIED)
    assert (stranger.query(reader.uid), stranger.query(None)) == (DENIED, DENIED)
    assert stranger.query(stranger.uid) == OK
    assert reader.query(None) == DENIED
    assert alice.address


def test_who_signed_out_reads_nothing_more_with_a_token_that_still_runs(
    sent: tuple[Person, Person, str], backing: Backing, suite: Suite
) -> None:
    _, bob, path = sent
    reader = Reader(bob, backing, suite)
    assert reader.get(path) == OK
    bob.do(lambda account: account.sign_out())
    assert (reader.get(path), reader.query(reader.uid)) == (DENIED, DENIED)


def test_nobody_writes_but_the_function(
    sent: tuple[Person, Person, str], backing: Backing, suite: Suite
) -> None:
    alice, _, path = sent
    writer = Reader(alice, backing, suite)
    conversation = path.split("/messages")[0]
    for target in (
        path,
        f"{conversation}/messages/forged",
        conversation,
        f"accounts/{writer.uid}/sessions/forged",
    ):
        assert writer.write(target) == DENIED
