"""A message is stored once, however often and in whatever company it is sent, and whatever of the answers is lost."""

import secrets
import socket
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import httpx
import pytest

from common.errors import Unavailable
from common.messages.model import Message
from common.storage.firestore.client import FirestoreClient
from common.storage.firestore.messages import FirestoreMessages
from scripts.local.stack import Backing, Suite
from tests.e2e.device import Device, Json, Service, new_message_id, problem
from tests.e2e.recorder import AnswersLost, recorded
from tests.signing import b64, envelope

OK = 200
CONFLICT = (409, "message-conflict")


@dataclass(frozen=True)
class Talk:
    service: Service
    alice: Device
    bob: Device
    conversation: str

    def new(self) -> Json:
        return self.alice.message(self.conversation, self.bob)

    def stored(self, body: Json) -> tuple[str, str] | None:
        """The sent_at and the envelope of what stands under this id."""
        return self.service.messages(self.conversation).get(body["message_id"])


@pytest.fixture(scope="module")
def talk(suite: Suite, backing: Backing) -> Talk:
    service = Service.of(suite, backing)
    alice, bob = Device(service).enter(), Device(service).enter()
    return Talk(service, alice, bob, alice.converse(bob))


def sent_at(answer: httpx.Response) -> str:
    assert answer.status_code == OK, answer.text
    return str(answer.json()["sent_at"])


def test_the_same_send_twice_stores_one_message_and_is_answered_alike(talk: Talk) -> None:
    body, before = talk.new(), len(talk.service.messages(talk.conversation))
    first, second = talk.alice.send(body), talk.alice.send(body)
    assert sent_at(first) == sent_at(second)
    assert first.content == second.content
    assert talk.stored(body) == (sent_at(first), body["envelope"])
    assert len(talk.service.messages(talk.conversation)) == before + 1


def test_sixteen_at_once_store_one_message_and_are_answered_alike(talk: Talk) -> None:
    body, before = talk.new(), len(talk.service.messages(talk.conversation))
    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(talk.alice.send, [body] * 16))
    assert {sent_at(answer) for answer in answers} == {sent_at(talk.alice.send(body))}
    assert talk.stored(body) == (sent_at(answers[0]), body["envelope"])
    assert len(talk.service.messages(talk.conversation)) == before + 1


def test_other_bytes_under_the_same_id_are_a_conflict_and_change_nothing(talk: Talk) -> None:
    body = talk.new()
    first = sent_at(talk.alice.send(body))
    other = body | {"envelope": talk.new()["envelope"]}
    assert problem(talk.alice.send(other)) == CONFLICT
    assert problem(talk.bob.send(talk.bob.message(talk.conversation, talk.alice) | _id(body))) == CONFLICT
    assert talk.stored(body) == (first, body["envelope"])


def test_of_sixteen_different_ones_under_one_id_one_is_stored_and_acknowledged(talk: Talk) -> None:
    named = _id(talk.new())
    bodies = [talk.new() | named for _ in range(16)]
    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(talk.alice.send, bodies))
    won = [number for number, answer in enumerate(answers) if answer.status_code == OK]
    assert len(won) == 1
    assert {problem(answer) for number, answer in enumerate(answers) if number not in won} == {CONFLICT}
    assert talk.stored(bodies[0]) == (sent_at(answers[won[0]]), bodies[won[0]]["envelope"])


def test_a_send_whose_answer_was_lost_is_answered_after_the_keys_have_changed(talk: Talk) -> None:
    body = talk.new()
    lose_the_answer(talk.service, "send_message", body, talk.alice.token)
    end = time.monotonic() + 15
    while (stored := talk.stored(body)) is None:
        assert time.monotonic() < end, "the message was stored all the same"
        time.sleep(0.02)
    talk.bob.publish()
    unsent = talk.new() | {"envelope": envelope("A" * 43)}
    assert problem(talk.alice.send(unsent)) == (409, "device-mismatch")
    assert problem(talk.alice.send(body | {"envelope": unsent["envelope"]})) == (409, "device-mismatch")
    answers = [talk.alice.send(body) for _ in range(2)]
    assert [(sent_at(answer), body["envelope"]) for answer in answers] == [stored, stored]
    assert talk.stored(body) == stored


def test_a_send_is_answered_as_the_first_time_by_a_later_token(talk: Talk) -> None:
    body = talk.new()
    first = sent_at(talk.alice.send(body))
    later = replace(talk.alice, session=dict(talk.alice.session))
    later.keep(later.refresh())
    assert sent_at(later.send(body)) == first
    talk.alice.session.update(later.session)


def a_message() -> Message:
    return Message(
        id=new_message_id(),
        conversation=b64(secrets.token_bytes(32)),
        members=("alice", "bob"),
        sender_uid="alice",
        sender_device=b64(secrets.token_bytes(32)),
        expires_at=time.time() + 3_600,
        envelope=envelope("A" * 43),
    )


@pytest.fixture
async def losing(backing: Backing, suite: Suite) -> AsyncIterator[tuple[AnswersLost, FirestoreMessages]]:
    """Firestore's adapter, behind a proxy that can lose the answers of commits that were done."""
    with recorded(backing.ports.firestore, AnswersLost) as recorder:
        client = FirestoreClient(suite.project, f"127.0.0.1:{recorder.port}")
        yield recorder, FirestoreMessages(client)
        await client.close()


async def test_a_commit_whose_answer_was_lost_is_found_and_not_made_again(
    losing: tuple[AnswersLost, FirestoreMessages],
) -> None:
    recorder, log = losing
    message = a_message()
    recorder.lost = 1
    stored = await log.append(message)
    assert stored == await log.find(message.conversation, message.id)
    assert [method.rpartition("/")[2] for method, _ in recorder.calls[:3]] == [
        "Commit",
        "Commit",
        "GetDocument",
    ]


async def test_a_commit_that_answers_to_nobody_is_unavailable_and_the_next_call_finds_it(
    losing: tuple[AnswersLost, FirestoreMessages],
) -> None:
    recorder, log = losing
    message = a_message()
    recorder.lost = 2
    with pytest.raises(Unavailable):
        await log.append(message)
    stored = await log.find(message.conversation, message.id)
    assert stored is not None
    assert await log.append(message) == stored


def _id(body: Json) -> Json:
    return {"message_id": body["message_id"]}


def lose_the_answer(service: Service, function: str, body: Json, bearer: str) -> None:
    """Send a request whole, and hang up."""
    parts = urlsplit(service.url)
    request = httpx.Request("POST", f"{service.url}/v1/{function}", json=body)
    lines = [f"POST /v1/{function} HTTP/1.1", f"host: {parts.netloc}", f"authorization: Bearer {bearer}"]
    lines += [f"{name}: {request.headers[name]}" for name in ("content-type", "content-length")]
    with socket.create_connection((str(parts.hostname), parts.port or 80)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + request.content)
