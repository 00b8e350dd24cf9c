"""Events as Firestore sends them, and as nobody should: at the real server, with parts that work and parts that do not."""

import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from tests.fakes.events import document_event
from tests.functions.arena import Arena, calls
from tests.functions.calls import conversation_id
from tests.functions.canaries import Canaries
from tests.functions.exchange import Answer, Ask, Connection, exchange
from tests.functions.stage import Stage, gossip_about, hidden_tables

NAME = "on_message_created"
TYPE = "google.cloud.firestore.document.v1.created"


def event(
    arena: Arena,
    canaries: Canaries,
    *,
    conversation: str = "",
    data: bytes | None = None,
    **changed: str | None,
) -> Ask:
    """A message's creation, full of canaries but for the names that may be kept."""
    conversation = conversation or conversation_id(arena)
    fields: dict[str, Any] = {
        "sent_at": datetime.now(UTC),
        "envelope": canaries.new("envelope"),
        "members": [canaries.new("member")],
        "sender_uid": canaries.new("sender"),
        canaries.new("name of a field"): {"x": canaries.new("value of a field").encode()},
    }
    attributes = {
        "ce-id": "01HV-event.1",
        "ce-type": TYPE,
        "ce-specversion": "1.0",
        "ce-source": f"//firestore.googleapis.com/{canaries.new('source')}",
        "ce-subject": canaries.new("subject"),
        "ce-document": f"conversations/{conversation}/messages/{canaries.new('message')}",
        "ce-time": "2026-11-22T12:00:00Z",
        "content-type": "application/protobuf",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    path = f"/functions/projects/{arena.project}/triggers/{NAME}"
    headers = {name: value for name, value in attributes.items() if value is not None}
    return canaries.in_headers(Ask("POST", path, headers, document_event(fields) if data is None else data))


def delivered(arena: Arena, canaries: Canaries, ask: Ask) -> tuple[Answer, dict[str, Any]]:
    """The answer and the call's one line in the log; nothing of the event is in either, or in a database."""
    begun = arena.child.log.stat().st_size
    with arena.logged() as lines:
        answer = exchange(arena.port, ask)
    (line,) = calls(lines)
    assert (line["function"], line["status"]) == (NAME, answer.status)
    canaries.sought_in_answer(answer)
    canaries.sought_everywhere(arena, begun)
    return answer, line


def raised_to(arena: Arena) -> int:
    (found,) = (
        json.loads(document)["fields"]
        for document in arena.documents()
        if json.loads(document)["name"].endswith(f"/conversations/{conversation_id(arena)}")
    )
    return int(found["last_message_at"]["integerValue"])


@pytest.mark.parametrize("form", ["protobuf", "base64", "structured"])
def test_an_event_that_can_be_handled_is(arena: Arena, canaries: Canaries, form: str) -> None:
    began = int(time.time() * 1000)
    ask = event(arena, canaries)
    if form == "base64":
        ask = ask.with_body(b64encode(ask.body or b""))
    if form == "structured":
        members = {name[3:]: value for name, value in ask.headers.items() if name.startswith("ce-")}
        ask = Ask(ask.method, ask.path, {"content-type": "application/cloudevents+json"})
        ask = ask.with_json(
            {**members, "data_base64": b64encode(event(arena, canaries).body or b"").decode()}
        )
    answer, line = delivered(arena, canaries, ask)
    assert (answer.status, line.get("reason")) == (200, None)
    assert raised_to(arena) >= began


def no_events(arena: Arena, canaries: Canaries) -> dict[str, tuple[Ask, str]]:
    """What can never be handled, with the reason that is kept."""
    poison, none = "data is not DocumentEventData", "not a CloudEvent"
    text = (
        b"/" + canaries.new("data").encode()
    )  # "/" can begin no protobuf message; by chance other text can be one
    kept: dict[str, tuple[Ask, str]] = {
        "text": (event(arena, canaries, data=text), poison),
        "JSON": (event(arena, canaries, data=b'{"x":"%b"}' % text), poison),
        "base64 of text": (event(arena, canaries, data=b64encode(text)), poison),
        "a length beyond the end": (event(arena, canaries, data=b"\x0a\xff\xff\xff\x0f" + text), poison),
        "nothing": (event(arena, canaries, data=b""), "data is not DocumentEventData"),
        "a deletion": (
            event(arena, canaries, data=document_event(None, before={"x": text})),
            "no new document",
        ),
        "no time": (event(arena, canaries, data=document_event({"x": text})), "sent_at is not a timestamp"),
        "a time that is text": (
            event(arena, canaries, data=document_event({"sent_at": text})),
            "sent_at is not a timestamp",
        ),
        "no document": (event(arena, canaries, ce_document=None), "no document attribute"),
        "half a path": (
            event(arena, canaries, ce_document=f"conversations/{canaries.new('half')}/x"),
            "no document attribute",
        ),
        "no version": (event(arena, canaries, ce_specversion=None), none),
        "no attributes": (Ask("POST", event(arena, canaries).path, {}, text), none),
        "structured garbage": (
            Ask(
                "POST",
                event(arena, canaries).path,
                {"content-type": "application/cloudevents+json"},
                b'{"' + text,
            ),
            none,
        ),
        "more than any event": (
            event(arena, canaries).with_headers({"Content-Length": "9999999"}),
            "PayloadTooLarge",
        ),
    }
    return kept


def test_what_can_never_be_handled_is_filed_and_acknowledged(arena: Arena, canaries: Canaries) -> None:
    before = arena.documents()
    for why, (ask, reason) in no_events(arena, canaries).items():
        arena.sql.run("delete from dead_events")
        answer, line = delivered(arena, canaries, ask)
        assert (answer.status, line["reason"]) == (200, reason), why
        ids = ("01HV-event.1", TYPE) if "ce-id" in ask.headers else ("unreadable", "unreadable")
        assert arena.sql.run("select function, event_id, kind, reason, times from dead_events") == [
            [NAME, *ids, reason, 1]
        ], why
        assert exchange(arena.port, ask).status == 200
        assert arena.sql.run("select times from dead_events") == [[2]], why
    assert arena.documents() == before
    arena.sql.run("delete from dead_events")


def test_names_that_could_say_something_are_not_kept(arena: Arena, canaries: Canaries) -> None:
    ask = event(
        arena,
        canaries,
        data=b"x",
        ce_id=f"{canaries.new('id')} {'x' * 200}",
        ce_type=f"/{canaries.new('type')}/",
    )
    delivered(arena, canaries, ask)
    assert arena.sql.run("select event_id, kind from dead_events") == [["unreadable", "unreadable"]]
    arena.sql.run("delete from dead_events")


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL],
    ids=lambda code: code.name,
)
def test_what_may_work_later_is_asked_for_again(
    stage: Stage, canaries: Canaries, code: grpc.StatusCode
) -> None:
    with gossip_about(stage, code):
        answer, line = delivered(stage.arena, canaries, event(stage.arena, canaries))
    assert (answer.status, answer.body) == (503, b"")
    assert line["reason"] in {"Unavailable", "DeadlineExceeded", "unforeseen"}
    assert stage.arena.sql.run("select count(*) from dead_events") == [[0]]


def test_what_cannot_be_filed_comes_again(stage: Stage, canaries: Canaries) -> None:
    arena = stage.arena
    begun = arena.child.log.stat().st_size
    for fault in (stage.postgres.leading_to(0), hidden_tables(stage)):
        ask = event(arena, canaries, data=canaries.new("data").encode())
        with arena.logged() as lines, fault:
            answer = exchange(arena.port, ask)
        assert answer.status == 503
        assert [line["status"] for line in calls(lines)] == [503]
        canaries.sought_in_answer(answer)
    canaries.sought_everywhere(arena, begun)
    assert arena.sql.run("select count(*) from dead_events") == [[0]]


def test_an_event_that_breaks_off_is_neither_handled_nor_filed(arena: Arena, canaries: Canaries) -> None:
    ask = event(arena, canaries)
    body, before = ask.body or b"", arena.documents()
    with arena.logged() as lines:
        with Connection(arena.port) as connection:
            connection.write(ask.with_headers({"Content-Length": str(len(body))}).head + body[:-1])
            arena.settle()
        arena.settle()
    assert [(line["function"], line["status"]) for line in lines] == [(NAME, 499)]
    assert arena.documents() == before
    assert arena.sql.run("select count(*) from dead_events") == [[0]]


def test_an_event_of_a_conversation_that_is_gone_is_done(arena: Arena, canaries: Canaries) -> None:
    before = arena.documents()
    answer, _ = delivered(arena, canaries, event(arena, canaries, conversation=canaries.new("conversation")))
    assert answer.status == 200
    assert arena.documents() == before


@pytest.mark.parametrize("method", ["GET", "PUT", "TRACE"])
def test_an_event_is_posted(arena: Arena, canaries: Canaries, method: str) -> None:
    good = event(arena, canaries)
    answer = arena.ask(Ask(method, good.path, good.headers, good.body))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    canaries.sought_in_answer(answer)
