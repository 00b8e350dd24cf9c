"""Two calls to Firestore, Commit and GetDocument, as raw stubs over the messages of wire.proto.

The client library does the same at three times the CPU, and takes longer to import than all else that a function needs
(docs/adr/0003-dependencies.md).
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from common.clock import remaining
from common.errors import DeadlineExceeded, Unavailable
from common.settings import Settings
from common.storage.firestore import channels
from common.storage.firestore.wire_pb2 import (
    CommitRequest,
    CommitResponse,
    Document,
    GetDocumentRequest,
    Value,
    Write,
)

_SERVICE = "/google.firestore.v1.Firestore/"
_UNMET = frozenset(
    {grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
)
_BUSY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED})

_Stub = Callable[..., Awaitable[Any]]


class FirestoreFailed(Exception):
    """Firestore refused a call for a reason that no caller expects. Only the status' name is kept."""


class FirestoreClient:
    """A database of `project`. The channel is made in the first call, in the loop that runs it."""

    def __init__(self, project: str, emulator: str | None, database: str = "(default)") -> None:
        self._database = f"projects/{project}/databases/{database}"
        self._connect = channels.to_emulator(emulator) if emulator else channels.to_google()
        self._metadata = grpc.aio.Metadata(("google-cloud-resource-prefix", self._database))
        if emulator:
            self._metadata.add("authorization", "Bearer owner")
        self._channel: Any = None
        self._stubs: dict[str, _Stub] = {}

    def name(self, *path: str) -> str:
        """The full resource name of a document, by its segments below the root."""
        return f"{self._database}/documents/{'/'.join(path)}"

    async def commit(self, *writes: Write) -> CommitResponse | None:
        """Commit writes atomically; None if a precondition does not hold.

        Raises:
            Unavailable, DeadlineExceeded; FirestoreFailed.
        """
        try:
            committed: CommitResponse = await self._call(
                "Commit", CommitRequest(database=self._database, writes=writes), CommitResponse
            )
        except _Unmet:
            return None
        return committed

    async def get(self, *path: str) -> Document | None:
        """The document at a path, None if there is none.

        Raises:
            Unavailable, DeadlineExceeded; FirestoreFailed.
        """
        try:
            found: Document = await self._call(
                "GetDocument", GetDocumentRequest(name=self.name(*path)), Document
            )
        except _Unmet:
            return None
        return found

    async def close(self) -> None:
        """End the channel. The next call makes a new one."""
        channel, self._channel, self._stubs = self._channel, None, {}
        if channel is not None:
            await channel.close()

    async def _call(self, method: str, request: Any, response: Any) -> Any:
        stub = self._stubs.get(method) or self._stub(method, request, response)
        for _ in range(2):
            try:
                return await stub(request, metadata=self._metadata, timeout=remaining())
            except grpc.aio.AioRpcError as error:
                code = error.code()
            if code in _UNMET:
                raise _Unmet
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise DeadlineExceeded("Firestore took too long.")
            if code not in _BUSY:
                raise FirestoreFailed(code.name)
        # Every write of ours may be repeated: a create finds what stands there, the others say the same again.
        raise Unavailable("Firestore cannot be reached.")

    def _stub(self, method: str, request: Any, response: Any) -> _Stub:
        if self._channel is None:
            self._channel = self._connect()
        stub: _Stub = self._channel.unary_unary(
            _SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        self._stubs[method] = stub
        return stub


class _Unmet(Exception):
    pass


def firestore_of(settings: Settings) -> FirestoreClient:
    return FirestoreClient(settings.project, settings.firestore_emulator, settings.firestore_database)


def creating(name: str, fields: dict[str, Any]) -> Write:
    """A write that makes the document `name`, which must not stand there."""
    write = setting(name, fields)
    write.current_document.exists = False
    return write


def setting(name: str, fields: dict[str, Any]) -> Write:
    """A write that makes the document `name`, or replaces it."""
    write = Write()
    write.update.name = name
    for field, value in fields.items():
        _put(write.update.fields[field], value)
    return write


def deleting(name: str) -> Write:
    return Write(delete=name)


def timestamp(seconds: float) -> Timestamp:
    """In microseconds, which is all that Firestore keeps."""
    whole, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    return Timestamp(seconds=whole, nanos=micros * 1000)


def rfc3339(stamp: Timestamp) -> str:
    """A protobuf timestamp in UTC with microseconds, which is all that Firestore keeps."""
    moment = datetime.fromtimestamp(stamp.seconds, UTC).replace(microsecond=stamp.nanos // 1000, tzinfo=None)
    return moment.isoformat(timespec="microseconds") + "Z"


def _put(into: Value, value: Any) -> None:
    match value:
        case str():
            into.string_value = value
        case int():
            into.integer_value = value
        case Timestamp():
            into.timestamp_value.CopyFrom(value)
        case tuple() | list():
            into.array_value.SetInParent()  # an empty one is one too
            for item in value:
                _put(into.array_value.values.add(), item)
        case _:
            raise TypeError(f"no document of ours holds a {type(value).__name__}")
