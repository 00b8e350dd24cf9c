"""Two calls to Firestore, Commit and GetDocument, as raw stubs over plain protobuf.

The client library does the same at three times the CPU (docs/adr/0003-dependencies.md); its channel, which
authenticates and reconnects, is used as it is.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport
from google.cloud.firestore_v1.types import common, document, firestore, write

from common.clock import remaining
from common.errors import DeadlineExceeded, Unavailable
from common.settings import Settings

Write = write.Write.pb()
Document = document.Document.pb()
Value = document.Value.pb()
Precondition = common.Precondition.pb()
CommitRequest, CommitResponse = firestore.CommitRequest.pb(), firestore.CommitResponse.pb()
GetDocumentRequest = firestore.GetDocumentRequest.pb()

_SERVICE = "/google.firestore.v1.Firestore/"
_UNMET = frozenset(
    {grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
)
_BUSY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED})

_RECONNECTING = [("grpc.max_reconnect_backoff_ms", 2_000)]
"""gRPC's own longest pause between two attempts to connect is two minutes, in which a server that is back goes unused."""
_OPTIONS = [("grpc.keepalive_time_ms", 30_000), *_RECONNECTING]  # the first as the client library sets it

_Stub = Callable[..., Awaitable[Any]]


class FirestoreFailed(Exception):
    """Firestore refused a call for a reason that no caller expects. Only the status' name is kept."""


class FirestoreClient:
    """A database of `project`. The channel is made in the first call, in the loop that runs it."""

    def __init__(self, project: str, emulator: str | None, database: str = "(default)") -> None:
        self._database = f"projects/{project}/databases/{database}"
        self._emulator = emulator
        self._metadata = (("google-cloud-resource-prefix", self._database),) + (
            (("authorization", "Bearer owner"),) if emulator else ()
        )
        self._channel: Any = None
        self._stubs: dict[str, _Stub] = {}

    def name(self, *path: str) -> str:
        """The full resource name of a document, by its segments below the root."""
        return f"{self._database}/documents/{'/'.join(path)}"

    async def commit(self, *writes: Any) -> Any | None:
        """Commit writes atomically; None if a precondition does not hold.

        Raises:
            Unavailable, DeadlineExceeded; FirestoreFailed.
        """
        try:
            return await self._call(
                "Commit", CommitRequest(database=self._database, writes=writes), CommitResponse
            )
        except _Unmet:
            return None

    async def get(self, *path: str) -> Any | None:
        """The document at a path, None if there is none.

        Raises:
            Unavailable, DeadlineExceeded; FirestoreFailed.
        """
        try:
            return await self._call("GetDocument", GetDocumentRequest(name=self.name(*path)), Document)
        except _Unmet:
            return None

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
            self._channel = (
                grpc.aio.insecure_channel(self._emulator, options=_RECONNECTING)
                if self._emulator
                else FirestoreGrpcAsyncIOTransport.create_channel(options=_OPTIONS)
            )
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


def creating(name: str, fields: dict[str, Any]) -> Any:
    """A write that makes the document `name`, which must not stand there."""
    return Write(
        update=Document(name=name, fields=_values(fields)), current_document=Precondition(exists=False)
    )


def setting(name: str, fields: dict[str, Any]) -> Any:
    """A write that makes the document `name`, or replaces it."""
    return Write(update=Document(name=name, fields=_values(fields)))


def deleting(name: str) -> Any:
    return Write(delete=name)


def timestamp(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def rfc3339(stamp: Any) -> str:
    """A protobuf timestamp in UTC with microseconds, which is all that Firestore keeps."""
    moment = datetime.fromtimestamp(stamp.seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{stamp.nanos // 1000:06d}Z"


def _values(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in fields.items()}


def _value(value: Any) -> Any:
    message = Value()
    match value:
        case str():
            message.string_value = value
        case int():
            message.integer_value = value
        case datetime():
            message.timestamp_value.FromDatetime(value)
        case tuple() | list():
            message.array_value.values.extend(_value(item) for item in value)
        case _:
            raise TypeError(f"no document of ours holds a {type(value).__name__}")
    return message
