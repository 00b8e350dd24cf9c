"""Reading messages from Firestore as the signed-in user: bounded pages of a query, and a real-time listener.

Firestore's own gRPC methods RunQuery and Listen are called, each call with the user's ID token. (The client library's
`Client` sends the same calls, but on the emulator always as the owner, and its watch never reports a refusal.)
"""

import queue
import threading
from collections.abc import Container, Iterator
from typing import Any
from urllib.parse import urlencode

import grpc
from google.cloud.firestore_v1 import types

from sealpost.errors import SealpostError
from sealpost.mailbox import PAGE, FirestoreDenied, FirestoreLost, MessageDocument

_MESSAGES, _SESSION = 1, 2
_CALL_SECONDS = 30.0
_CLOUD = "firestore.googleapis.com"
_AWAY = {grpc.StatusCode.UNAVAILABLE.value[0], grpc.StatusCode.DEADLINE_EXCEEDED.value[0]}
_OPTIONS = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]
"""The keepalive notices a connection that died without a word; 30 s is what Firestore's mobile SDKs use."""


Metadata = tuple[tuple[str, str | bytes], ...]


class _Current:
    """The listener has given out everything that was there when it began."""


class FirestoreMailbox:
    """See `mailbox.Mailbox`. `emulator` is its host:port, None for the cloud."""

    def __init__(
        self,
        *,
        project: str,
        database: str,
        uid: str,
        session_id: str,
        id_token: str,
        emulator: str | None,
    ) -> None:
        self._uid = uid
        self._session_id = session_id
        self._database = f"projects/{project}/databases/{database}"
        self._id_token = id_token
        self._host = emulator or _CLOUD
        if emulator:
            self._channel = grpc.insecure_channel(emulator, options=_OPTIONS)
        else:
            self._channel = grpc.secure_channel(
                f"{_CLOUD}:443", grpc.ssl_channel_credentials(), options=_OPTIONS
            )

    def page(self, since: int, *, after: MessageDocument | None = None) -> list[MessageDocument]:
        run = self._channel.unary_stream(
            "/google.firestore.v1.Firestore/RunQuery",
            request_serializer=types.RunQueryRequest.serialize,
            response_deserializer=types.RunQueryResponse.pb().FromString,
        )
        request = types.RunQueryRequest(parent=self._parent, structured_query=self._query(since, after))
        try:
            answers = list(
                run(request, timeout=_CALL_SECONDS, metadata=self._metadata("parent", self._parent))
            )
        except grpc.RpcError as error:
            raise _failure(error, self._host) from None
        return [_document(answer.document) for answer in answers if answer.document.name]

    def listen(self, since: int) -> "FirestoreListening":
        """Two targets on one stream: the messages, and the session, whose end a listener would not notice itself."""
        query = types.Target.QueryTarget(parent=self._parent, structured_query=self._query(since, None))
        session = f"{self._parent}/accounts/{self._uid}/sessions/{self._session_id}"
        targets = (
            types.Target(query=query, target_id=_MESSAGES),
            types.Target(documents=types.Target.DocumentsTarget(documents=[session]), target_id=_SESSION),
        )
        requests = [types.ListenRequest(database=self._database, add_target=target) for target in targets]
        return FirestoreListening(
            self._channel, requests, session, self._metadata("database", self._database), host=self._host
        )

    def close(self) -> None:
        self._channel.close()

    @property
    def _parent(self) -> str:
        return f"{self._database}/documents"

    def _metadata(self, name: str, value: str) -> Metadata:
        return (
            ("authorization", f"Bearer {self._id_token}"),
            ("google-cloud-resource-prefix", self._database),
            ("x-goog-request-params", urlencode({name: value})),
        )

    def _query(self, since: int, after: MessageDocument | None) -> types.StructuredQuery:
        """The collection group `messages` where members array-contains me, by sent_at and name, at most PAGE."""
        build = types.StructuredQuery
        ascending = build.Direction.ASCENDING
        query = build(
            from_=[build.CollectionSelector(collection_id="messages", all_descendants=True)],
            where=build.Filter(
                field_filter=build.FieldFilter(
                    field=build.FieldReference(field_path="members"),
                    op=build.FieldFilter.Operator.ARRAY_CONTAINS,
                    value=types.Value(string_value=self._uid),
                )
            ),
            order_by=[
                build.Order(field=build.FieldReference(field_path="sent_at"), direction=ascending),
                build.Order(field=build.FieldReference(field_path="__name__"), direction=ascending),
            ],
            start_at=types.Cursor(values=[_timestamp(since)], before=True),
            limit=PAGE,
        )
        if after is not None:
            place = [_timestamp(after.sent_at), types.Value(reference_value=after.name)]
            query.start_at = types.Cursor(values=place, before=False)
        return query


class FirestoreListening:
    """See `mailbox.Listening`."""

    def __init__(
        self,
        channel: grpc.Channel,
        requests: list[types.ListenRequest],
        session: str,
        metadata: Metadata,
        *,
        host: str,
    ) -> None:
        self._session = session
        self._host = host
        self._events: queue.SimpleQueue[MessageDocument | SealpostError | _Current] = queue.SimpleQueue()
        self.ready = False
        self._over = threading.Event()
        self._window: dict[str, tuple[int, int]] = {}
        method = channel.stream_stream(
            "/google.firestore.v1.Firestore/Listen",
            request_serializer=types.ListenRequest.serialize,
            response_deserializer=types.ListenResponse.pb().FromString,
        )
        self._call = method(self._requests(requests), metadata=metadata)
        threading.Thread(target=self._receive, name="sealpost-listen", daemon=True).start()

    @property
    def full(self) -> bool:
        return len(self._window) >= PAGE

    def next(self, timeout: float) -> MessageDocument | None:
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(event, SealpostError):
            raise event
        if isinstance(event, _Current):
            self.ready = True
            return None
        return event

    def close(self) -> None:
        self._over.set()
        self._call.cancel()  # type: ignore[no-untyped-call] # the stubs leave it untyped

    def _requests(self, requests: list[types.ListenRequest]) -> Iterator[types.ListenRequest]:
        yield from requests
        self._over.wait()  # the stream lives as long as this iterator

    def _receive(self) -> None:
        try:
            for answer in self._call:
                self._take(answer)
            raise FirestoreLost("Firestore ended the listener.", code="listen-lost")
        except grpc.RpcError as error:
            self._events.put(_failure(error, self._host))
        except SealpostError as error:
            self._events.put(error)
        except Exception as error:  # noqa: BLE001 - the thread's end must be heard, whatever caused it
            name = type(error).__name__
            self._events.put(
                FirestoreLost(f"Firestore's answer could not be read ({name}).", code="listen-lost")
            )
        finally:
            self._over.set()

    def _take(self, answer: Any) -> None:
        kind = answer.WhichOneof("response_type")
        if kind == "document_change":
            change = answer.document_change
            if _MESSAGES in change.target_ids:
                self._take_message(change.document)
            else:
                self._gone(change.document.name, change.removed_target_ids)
        elif kind == "document_delete":
            self._gone(answer.document_delete.document, answer.document_delete.removed_target_ids)
        elif kind == "document_remove":
            self._gone(answer.document_remove.document, answer.document_remove.removed_target_ids)
        elif kind == "filter":
            if answer.filter.target_id == _MESSAGES and answer.filter.count != len(self._window):
                raise FirestoreLost("The listener has lost documents.", code="listen-lost")
        elif kind == "target_change":
            self._take_target_change(answer.target_change)

    def _take_message(self, document: Any) -> None:
        """A message that is new in the window, or changed: the emulator sends the whole window for each new one."""
        version = document.update_time.seconds, document.update_time.nanos
        if self._window.get(document.name) != version:
            self._window[document.name] = version
            self._events.put(_document(document))

    def _gone(self, name: str, targets: Container[int]) -> None:
        """A document that left the window, or the session."""
        if name == self._session and _SESSION in targets:
            raise FirestoreDenied
        self._window.pop(name, None)

    def _take_target_change(self, change: Any) -> None:
        kinds = types.TargetChange.TargetChangeType
        if change.target_change_type == kinds.REMOVE:
            raise _failure_of_code(change.cause.code, self._host)
        if change.target_ids and _MESSAGES not in change.target_ids:
            return
        if change.target_change_type == kinds.RESET:
            self._window.clear()
        elif change.target_change_type == kinds.CURRENT:
            self._events.put(_Current())


def _failure(error: grpc.RpcError, host: str) -> SealpostError:
    code = getattr(error, "code", lambda: grpc.StatusCode.UNKNOWN)()
    return _failure_of_code(code.value[0], host)


def _failure_of_code(code: int, host: str) -> SealpostError:
    if code in {grpc.StatusCode.PERMISSION_DENIED.value[0], grpc.StatusCode.UNAUTHENTICATED.value[0]}:
        return FirestoreDenied()
    if code in _AWAY:
        cause = f"{host} cannot be reached; messages are read there."
    else:
        name = next((status.name for status in grpc.StatusCode if status.value[0] == code), "UNKNOWN")
        cause = f"Reading messages from {host} failed ({name})."
    return FirestoreLost(cause, code="listen-lost", cure="Check the network, then try again.")


def _document(document: Any) -> MessageDocument:
    """Missing or wrongly typed fields become empty ones: the checks of the envelope then refuse the message."""
    parts = document.name.split("/")
    fields = document.fields
    expires_at = fields["expires_at"].timestamp_value if "expires_at" in fields else None
    return MessageDocument(
        name=document.name,
        cid=parts[-3],
        mid=parts[-1],
        sender_uid=_text(fields, "sender_uid"),
        sender_device=_text(fields, "sender_device"),
        sent_at=_microseconds(fields["sent_at"].timestamp_value) if "sent_at" in fields else 0,
        expires_at=None if expires_at is None else _microseconds(expires_at),
        envelope=_text(fields, "envelope"),
    )


def _text(fields: Any, name: str) -> str:
    return str(fields[name].string_value) if name in fields else ""


def _microseconds(timestamp: Any) -> int:
    return int(timestamp.seconds) * 1_000_000 + int(timestamp.nanos) // 1000


def _timestamp(microseconds: int) -> types.Value:
    value = types.Value()
    timestamp = types.Value.pb(value).timestamp_value
    timestamp.SetInParent()
    timestamp.seconds, rest = divmod(microseconds, 1_000_000)
    timestamp.nanos = rest * 1000
    return value
