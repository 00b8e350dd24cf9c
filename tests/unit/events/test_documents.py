import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import httpx
import pytest
from functions_framework.aio import create_asgi_app_from_module

from common.errors import DeadlineExceeded, NotFound, Unavailable
from common.events import DocumentChange, EventEdge, Poison, on_document
from common.events.documents import EVENT_BYTES
from tests.fakes.clock import FakeClock
from tests.fakes.events import FakeDeadEvents, document_event
from tests.unit.conftest import Printed

FIELDS = {"sent_at": datetime(2027, 1, 15, 8, 0, 0, 123_999, tzinfo=UTC), "envelope": "canary"}
DATA = document_event(FIELDS)
TYPE = "google.cloud.firestore.document.v1.created"
HEADERS = {
    "ce-id": "01HV-canary.1:2_3",
    "ce-type": TYPE,
    "ce-source": "//firestore.googleapis.com/projects/projects/demo/databases/(default)",
    "ce-specversion": "1.0",
    "ce-subject": "documents/conversations/c/messages/m",
    "ce-document": "conversations/c/messages/m",
    "content-type": "application/protobuf",
}


def decode(data: bytes) -> dict[str, Any] | None:
    if data == DATA:
        return dict(FIELDS)
    if data == document_event(None, before=FIELDS):
        return None
    raise ValueError("canary")


class World:
    def __init__(self) -> None:
        self.dead = FakeDeadEvents()
        self.changes: list[DocumentChange] = []
        self.error: BaseException | None = None
        self.waits = False

    def client(self, **seconds: float) -> httpx.AsyncClient:
        edge = EventEdge(decode=decode, dead_events=self.dead, clock=FakeClock(), **seconds)

        @on_document(edge)
        async def note(change: DocumentChange) -> None:
            self.changes.append(change)
            if self.waits:
                await asyncio.Event().wait()
            if self.error:
                raise self.error

        module = ModuleType("main")
        module.note = note  # type: ignore[attr-defined]
        app = create_asgi_app_from_module("note", "", "http", module, None)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")

    async def deliver(
        self,
        data: bytes = DATA,
        attributes: Mapping[str, str | None] | None = None,
        *,
        call_seconds: float = 30.0,
    ) -> int:
        changed = {f"ce-{name}": value for name, value in (attributes or {}).items()}
        given = {name: value for name, value in (HEADERS | changed).items() if value is not None}
        response = await self.client(call_seconds=call_seconds).post("/", content=data, headers=given)
        assert "canary" not in response.text
        return response.status_code


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("FUNCTION_SIGNATURE_TYPE", "http")
    return World()


@pytest.mark.parametrize("data", [DATA, b64encode(DATA)], ids=["production", "emulator"])
async def test_a_change_is_read_from_protobuf_and_from_base64(world: World, data: bytes) -> None:
    assert await world.deliver(data) == 200
    (change,) = world.changes
    assert change.path == ("conversations", "c", "messages", "m")
    assert change.fields == FIELDS
    assert world.dead.filed == []


def test_a_timestamp_becomes_milliseconds() -> None:
    west = timezone(timedelta(hours=-5))
    fields: dict[str, Any] = {"utc": FIELDS["sent_at"], "west": datetime(2027, 1, 15, 3, tzinfo=west)}
    change = DocumentChange(path=(), fields=fields | {"text": "2027-01-15", "none": None})
    assert change.milliseconds("utc") == 1_800_000_000_123
    assert change.milliseconds("west") == 1_800_000_000_000
    for name in ("text", "none", "missing"):
        with pytest.raises(Poison, match=f"^{name} is not a timestamp$"):
            change.milliseconds(name)


POISON: dict[str, tuple[bytes, dict[str, str | None], str]] = {
    "not protobuf": (b"canary \xff", {}, "data is not DocumentEventData"),
    "not even base64": (b"canary!", {}, "data is not DocumentEventData"),
    "base64 of something else": (b64encode(b"canary"), {}, "data is not DocumentEventData"),
    "a number": (b"42", {}, "data is not DocumentEventData"),
    "an object": (b'{"canary":1}', {}, "data is not DocumentEventData"),
    "null": (b"null", {}, "data is not DocumentEventData"),
    "text that is not ASCII": ('"canary\u00e9"'.encode(), {}, "data is not DocumentEventData"),
    "nothing": (b"", {}, "data is not DocumentEventData"),
    "a deletion": (document_event(None, before=FIELDS), {}, "no new document"),
    "no document": (DATA, {"document": None}, "no document attribute"),
    "an empty document": (DATA, {"document": ""}, "no document attribute"),
    "a collection": (DATA, {"document": "conversations/c/messages"}, "no document attribute"),
    "a path with a gap": (DATA, {"document": "conversations//messages/m"}, "no document attribute"),
}


@pytest.mark.parametrize(("data", "attributes", "reason"), POISON.values(), ids=POISON.keys())
async def test_what_can_never_be_handled_is_filed_and_acknowledged(
    world: World, printed: Printed, data: bytes, attributes: dict[str, str | None], reason: str
) -> None:
    assert await world.deliver(data, {"id": "event-1", **attributes}) == 200
    assert world.changes == []
    assert world.dead.filed == [
        {"function": "note", "event_id": "event-1", "kind": TYPE, "reason": reason, "now": 1_800_000_000.0}
    ]
    (line,) = printed.lines
    assert (line["status"], line["reason"], line["function"]) == (200, reason, "note")
    assert "canary" not in "".join(printed.text)


async def test_a_function_may_call_an_event_poison(world: World) -> None:
    world.error = Poison("sent_at is not a timestamp")
    assert await world.deliver() == 200
    assert [row["reason"] for row in world.dead.filed] == ["sent_at is not a timestamp"]


@pytest.mark.parametrize(
    "attributes",
    [{"id": "canary id"}, {"id": "c" * 129}, {"id": "canary\u0009"}, {"type": "canary/"}],
    ids=repr,
)
async def test_names_that_could_hold_anything_are_not_filed(
    world: World, attributes: dict[str, str | None]
) -> None:
    assert await world.deliver(b"?", attributes) == 200
    (row,) = world.dead.filed
    assert row["event_id" if "id" in attributes else "kind"] == "unreadable"


@pytest.mark.parametrize(
    "error",
    [Unavailable("canary"), DeadlineExceeded("canary")],
    ids=lambda e: type(e).__name__,
)
async def test_what_may_work_later_is_asked_for_again(
    world: World, printed: Printed, error: Exception
) -> None:
    world.error = error
    assert await world.deliver() == 503
    assert world.dead.filed == []
    (line,) = printed.lines
    assert (line["status"], line["reason"]) == (503, type(error).__name__)
    assert "canary" not in "".join(printed.text)


async def test_what_the_domain_refuses_is_filed_and_never_asked_for_again(world: World) -> None:
    world.error = NotFound("canary")
    assert await world.deliver() == 200
    (row,) = world.dead.filed
    assert row["reason"] == "NotFound"


async def test_what_was_not_foreseen_is_asked_for_again_and_told_to_nobody(
    world: World, printed: Printed
) -> None:
    world.error = ValueError("canary", FIELDS)
    assert await world.deliver() == 503
    fault, line = printed.lines
    assert (fault["exceptions"], fault["severity"]) == (["ValueError"], "ERROR")
    assert (line["status"], line["reason"]) == (503, "unforeseen")
    assert "canary" not in "".join(printed.text)


async def test_poison_that_cannot_be_filed_comes_again(world: World) -> None:
    world.dead.fault = Unavailable("The database is gone.")
    assert await world.deliver(b"?") == 503
    world.dead.fault = None
    assert await world.deliver(b"?") == 200
    assert len(world.dead.filed) == 1


async def test_an_event_has_a_deadline(world: World, printed: Printed) -> None:
    world.waits = True
    assert await world.deliver(call_seconds=0.01) == 503
    assert [line["reason"] for line in printed.lines] == ["DeadlineExceeded"]


async def test_a_handled_event_leaves_one_line(world: World, printed: Printed) -> None:
    assert await world.deliver() == 200
    (line,) = printed.lines
    assert line.keys() == {"severity", "message", "function", "status", "duration_ms"}
    assert "canary" not in "".join(printed.text)


NO_EVENTS: dict[str, tuple[bytes, dict[str, str | None]]] = {
    "no attributes": (b"canary", {"id": None, "type": None, "source": None, "specversion": None}),
    "no id": (DATA, {"id": None}),
    "another version": (DATA, {"specversion": "canary"}),
    "more than any event": (b"\0" * (EVENT_BYTES + 1), {}),
}


@pytest.mark.parametrize(("data", "attributes"), NO_EVENTS.values(), ids=NO_EVENTS.keys())
async def test_what_is_no_event_is_filed_and_acknowledged(
    world: World, printed: Printed, data: bytes, attributes: dict[str, str | None]
) -> None:
    assert await world.deliver(data, attributes) == 200
    (row,) = world.dead.filed
    assert row["reason"] in {"not a CloudEvent", "PayloadTooLarge"}
    assert row["event_id"] == ("unreadable" if "id" in attributes else HEADERS["ce-id"])
    assert [line["status"] for line in printed.lines] == [200]


@pytest.mark.parametrize("body", [b"canary", b'{"canary', b"[]", b'{"specversion":"1.0"}', b'{"a":' * 2000])
async def test_an_event_that_is_all_body_is_read_or_filed(world: World, body: bytes) -> None:
    headers = {"content-type": "application/cloudevents+json"}
    assert (await world.client().post("/", content=body, headers=headers)).status_code == 200
    assert [row["reason"] for row in world.dead.filed] == ["not a CloudEvent"]


async def test_an_event_is_posted(world: World, printed: Printed) -> None:
    response = await world.client().put("/", content=DATA, headers=HEADERS)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert [line["problem"] for line in printed.lines] == ["method-not-allowed"]


async def test_an_event_that_stops_halfway_comes_again(world: World) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield DATA[:5]
        await asyncio.Event().wait()

    response = await world.client(body_seconds=0.01).post("/", content=half(), headers=HEADERS)
    assert response.status_code == 503
    assert (world.changes, world.dead.filed) == ([], [])
