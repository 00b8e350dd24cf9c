"""What the Firestore adapters write, field for field, and how often they go to the wire."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio
import pytest
from google.cloud.firestore_v1 import types

from common.clock import deadline
from common.errors import DeadlineExceeded, Unavailable
from common.storage.firestore.client import FirestoreClient, FirestoreFailed, creating, deleting
from common.storage.firestore.conversations import FirestoreConversations
from common.storage.firestore.events import decode_document
from common.storage.firestore.messages import FirestoreMessages
from common.storage.firestore.sessions import FirestoreSessions
from scripts.local.stack import Backing
from scripts.local.wire import GrpcWatch, proxied
from tests.contract.test_message_log import message
from tests.contract.world import NOW, caller_of, new_session, thumbprint


async def fields(client: FirestoreClient, *path: str) -> dict[str, object]:
    document = await client.get(*path)
    assert document is not None
    event = b"\x0a" + _varint(document.ByteSize()) + document.SerializeToString()
    decoded = decode_document(event)
    assert decoded is not None
    return decoded


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


async def test_a_messages_document(firestore: FirestoreClient) -> None:
    sent = message()
    stored = await FirestoreMessages(firestore).append(sent)
    document = await fields(firestore, "conversations", sent.conversation, "messages", sent.id)
    assert document == {
        "members": list(sent.members),
        "sender_uid": sent.sender_uid,
        "sender_device": sent.sender_device,
        "sent_at": datetime.fromisoformat(stored.sent_at),
        "expires_at": datetime.fromtimestamp(sent.expires_at, UTC),
        "envelope": sent.envelope,
    }


async def test_a_conversations_document(firestore: FirestoreClient) -> None:
    live, cid = FirestoreConversations(firestore), thumbprint()
    await live.put(cid, "direct", ["a", "b"])
    assert await fields(firestore, "conversations", cid) == {
        "members": ["a", "b"],
        "kind": "direct",
        "version": 1,
        "last_message_at": 0,
    }
    for at, stands in ((5, 5), (3, 5), (7_000_000_000_000, 7_000_000_000_000), (6, 7_000_000_000_000)):
        assert await live.touch(cid, at)
        assert (await fields(firestore, "conversations", cid))["last_message_at"] == stands
    await live.put(cid, "self", ["a", "c"])
    assert (await fields(firestore, "conversations", cid))["members"] == ["a", "b"]


async def test_touching_makes_no_document(firestore: FirestoreClient) -> None:
    cid = thumbprint()
    assert not await FirestoreConversations(firestore).touch(cid, 5)
    assert await firestore.get("conversations", cid) is None


async def test_a_sessions_document(firestore: FirestoreClient) -> None:
    live, caller = FirestoreSessions(firestore), caller_of(new_session())
    await live.put(caller, expires_at=NOW + 0.25)
    assert await fields(firestore, "accounts", caller.uid, "sessions", caller.session) == {
        "device": caller.device,
        "expires_at": datetime.fromtimestamp(NOW + 0.25, UTC),
    }
    await live.delete(caller.uid, caller.session)
    assert await firestore.get("accounts", caller.uid, "sessions", caller.session) is None


async def test_a_send_is_one_call_and_its_repetition_two(project: str, backing: Backing) -> None:
    watch = GrpcWatch()
    async with proxied(backing.ports.firestore, watch) as proxy:
        client = FirestoreClient(project, f"127.0.0.1:{proxy.port}")
        log, sent = FirestoreMessages(client), message()
        await log.append(sent)
        assert watch.calls == 1
        await log.append(sent)
        assert watch.calls == 3
        await FirestoreConversations(client).touch(sent.conversation, 1)
        assert watch.calls == 4
        assert proxy.connections == 1
        await client.close()


async def test_a_server_that_is_not_there_is_unavailable(project: str) -> None:
    client = FirestoreClient(project, "127.0.0.1:1")
    with pytest.raises(Unavailable) as unavailable:
        await FirestoreMessages(client).append(message())
    assert unavailable.value.__suppress_context__ or unavailable.value.__context__ is None
    await client.close()


async def test_a_frozen_server_costs_the_deadline_and_no_more(project: str, backing: Backing) -> None:
    async with proxied(backing.ports.firestore, GrpcWatch()) as proxy:
        client = FirestoreClient(project, f"127.0.0.1:{proxy.port}")
        await client.get("nothing", "here")
        proxy.freeze()
        with pytest.raises(DeadlineExceeded):
            async with deadline(0.3):
                await client.get("nothing", "here")
        await client.close()


@asynccontextmanager
async def answering(*codes: grpc.StatusCode) -> AsyncIterator[tuple[FirestoreClient, list[grpc.StatusCode]]]:
    """A client of a server that answers each call with the next of these codes, and those that are left."""
    left = list(codes)

    async def answer(_: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        await context.abort(left.pop(0))

    get = grpc.unary_unary_rpc_method_handler(answer)
    firestore = grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", {"GetDocument": get})
    server = grpc.aio.server(handlers=[firestore])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    client = FirestoreClient("demo", f"127.0.0.1:{port}")
    yield client, left
    await client.close()
    await server.stop(None)


BUSY = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED]


@pytest.mark.parametrize("code", BUSY, ids=lambda code: code.name)
async def test_a_busy_server_is_asked_once_more(code: grpc.StatusCode) -> None:
    async with answering(code, grpc.StatusCode.NOT_FOUND) as (client, left):
        assert await client.get("nothing", "here") is None
        assert left == []
    async with answering(code, code, code) as (client, left):
        with pytest.raises(Unavailable):
            await client.get("nothing", "here")
        assert left == [code]


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.PERMISSION_DENIED])
async def test_another_refusal_is_not_asked_for_again(code: grpc.StatusCode) -> None:
    async with answering(code, code) as (client, left):
        with pytest.raises(FirestoreFailed, match=code.name):
            await client.get("nothing", "here")
        assert left == [code]


async def test_a_refusal_tells_its_status_alone(firestore: FirestoreClient) -> None:
    secret = secrets.token_hex(16)
    with pytest.raises(FirestoreFailed) as failed:
        await firestore.commit(creating(firestore.name("odd", "number", secret), {"text": secret}))
    assert str(failed.value) == "INVALID_ARGUMENT"
    assert failed.value.__context__ is None or failed.value.__suppress_context__


async def test_several_writes_are_one_commit_or_none(firestore: FirestoreClient) -> None:
    one, other = firestore.name("things", thumbprint()), firestore.name("things", thumbprint())
    assert await firestore.commit(creating(one, {"n": 1}))
    assert await firestore.commit(creating(other, {"n": 2}), creating(one, {"n": 3})) is None
    assert await firestore.get(*other.split("/")[-2:]) is None
    assert await firestore.commit(deleting(one), creating(other, {"n": 4}))


async def test_a_message_deleted_between_two_calls_may_be_sent_again(project: str, backing: Backing) -> None:
    """Its time to live may be over just then."""

    class Forgetful(FirestoreClient):
        async def get(self, *path: str) -> Any | None:
            await self.commit(deleting(self.name(*path)))
            return await super().get(*path)

    client, sent = Forgetful(project, f"127.0.0.1:{backing.ports.firestore}"), message()
    log = FirestoreMessages(client)
    await log.append(sent)
    with pytest.raises(Unavailable):
        await log.append(sent)
    assert (await log.append(sent)).envelope == sent.envelope
    await client.close()


def test_no_document_holds_what_no_document_of_ours_holds() -> None:
    with pytest.raises(TypeError, match="float"):
        creating("documents/a/b", {"size": 1.5})


class TestEvents:
    def test_a_deletion_has_no_new_document(self) -> None:
        assert decode_document(b"") is None
        assert decode_document(b"\x12\x05\x0a\x03abc") is None

    def test_fields_of_every_type_are_read_or_left_out(self) -> None:
        value = types.Value.pb()
        fields = {
            "text": value(string_value="x"),
            "map": value(map_value=types.MapValue.pb()(fields={"inner": value(bytes_value=b"y")})),
            "array": value(
                array_value=types.ArrayValue.pb()(values=[value(boolean_value=True), value(double_value=0.5)])
            ),
            "time out of range": value(timestamp_value={"seconds": -1}),
            "place": value(geo_point_value={"latitude": 1}),
            "null": value(null_value=0),
        }
        event = types.DocumentChange.pb()(document={"fields": fields}).SerializeToString()
        assert decode_document(event) == {
            "text": "x",
            "map": {"inner": b"y"},
            "array": [True, 0.5],
            "time out of range": None,
            "place": None,
            "null": None,
        }

    @pytest.mark.parametrize("data", [b"\xff\xff\xff", b"{}", b"\x0a\x7f", b"\x0a\x03\x12\x01\xff"])
    def test_what_is_not_an_event_is_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError, match="not DocumentEventData"):
            decode_document(data)
