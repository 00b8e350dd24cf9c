"""Firestore's messages, as the listener reads them: documents, ends, refusals. The rest is tried on the emulator."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc
import pytest
from google.cloud.firestore_v1 import types

from sealpost.errors import SealpostError
from sealpost.firestore import FirestoreListening, FirestoreMailbox
from sealpost.mailbox import PAGE, FirestoreDenied, FirestoreLost, MessageDocument

PARENT = "projects/p/databases/(default)/documents"
SESSION = f"{PARENT}/accounts/ada/sessions/s"
CHANGE = types.TargetChange.TargetChangeType


class Refusal(grpc.RpcError):
    def __init__(self, status: grpc.StatusCode) -> None:
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._status


class Channel:
    """Answers with what the test gives, as it would come over the wire, then waits to be cancelled, or fails."""

    def __init__(self, answers: Iterable[Any], failure: Exception | None = None) -> None:
        self._answers = [type(answer).serialize(answer) for answer in answers]
        self._read: Callable[[bytes], Any] = bytes
        self._failure = failure
        self.requests: list[Any] = []
        self.metadata: dict[str, Any] = {}

    def stream_stream(
        self, _path: str, *, request_serializer: object, response_deserializer: Callable[[bytes], Any]
    ) -> Callable[..., "Channel"]:
        del request_serializer
        self._read = response_deserializer

        def start(requests: Iterator[Any], *, metadata: tuple[tuple[str, str], ...]) -> "Channel":
            self.requests = [next(requests), next(requests)]
            self.metadata = dict(metadata)
            return self

        return start

    def unary_stream(
        self, _path: str, *, request_serializer: object, response_deserializer: Callable[[bytes], Any]
    ) -> Callable[..., list[Any]]:
        del request_serializer

        def run(request: Any, *, timeout: float, metadata: tuple[tuple[str, str], ...]) -> list[Any]:
            assert timeout > 0
            self.requests, self.metadata = [request], dict(metadata)
            if self._failure is not None:
                raise self._failure
            return [response_deserializer(answer) for answer in self._answers]

        return run

    def __iter__(self) -> Iterator[Any]:
        yield from map(self._read, self._answers)
        if self._failure is not None:
            raise self._failure

    def cancel(self) -> None: ...


def document(mid: str = "m1", version: int = 1, **fields: Any) -> types.Document:
    values = {
        "sender_uid": types.Value(string_value="bob"),
        "sender_device": types.Value(string_value="device"),
        "envelope": types.Value(string_value="{}"),
        "sent_at": types.Value(timestamp_value={"seconds": 5, "nanos": 7000}),
    } | fields
    return types.Document(
        name=f"{PARENT}/conversations/c1/messages/{mid}", fields=values, update_time={"seconds": version}
    )


def added(one: types.Document) -> types.ListenResponse:
    return types.ListenResponse(document_change=types.DocumentChange(document=one, target_ids=[1]))


def current(*targets: int) -> types.ListenResponse:
    change = types.TargetChange(target_change_type=CHANGE.CURRENT, target_ids=targets)
    return types.ListenResponse(target_change=change)


def mailbox(channel: Channel) -> FirestoreMailbox:
    made = FirestoreMailbox(
        project="p", database="(default)", uid="ada", session_id="s", id_token="token", emulator="127.0.0.1:1"
    )
    made.close()
    made._channel = channel  # type: ignore[assignment]
    return made


def listening(*answers: types.ListenResponse, failure: Exception | None = None) -> FirestoreListening:
    return mailbox(Channel(answers, failure or Refusal(grpc.StatusCode.UNAVAILABLE))).listen(0)


def read(listener: FirestoreListening) -> tuple[list[MessageDocument], SealpostError]:
    """Everything until the end, and how it ended."""
    found: list[MessageDocument] = []
    while True:
        try:
            event = listener.next(1)
        except SealpostError as error:
            return found, error
        if event is not None:
            found.append(event)


def test_a_listener_asks_as_the_user_for_bounded_messages_and_for_its_session() -> None:
    channel = Channel([], Refusal(grpc.StatusCode.CANCELLED))
    mailbox(channel).listen(5_000_007)

    messages, session = (request.add_target for request in channel.requests)
    query = messages.query.structured_query
    assert query.limit == PAGE
    assert query.where.field_filter.value.string_value == "ada"
    assert [order.field.field_path for order in query.order_by] == ["sent_at", "__name__"]
    assert query.start_at.values[0].timestamp_value.timestamp_pb().nanos == 7000
    assert list(session.documents.documents) == [SESSION]
    assert channel.metadata["authorization"] == "Bearer token"


def test_a_page_goes_on_after_the_last_document() -> None:
    channel = Channel([types.RunQueryResponse(document=document()), types.RunQueryResponse()])

    (last,) = mailbox(channel).page(0)
    mailbox(channel).page(0, after=last)

    start = channel.requests[0].structured_query.start_at
    assert not start.before
    assert start.values[1].reference_value == last.name


def test_documents_then_readiness() -> None:
    listener = listening(added(document()), current(2), current(1))

    first = listener.next(1)

    assert first == MessageDocument(document().name, "c1", "m1", "bob", "device", 5_000_007, None, "{}")
    assert not listener.ready
    assert listener.next(1) is None
    assert listener.ready


def test_a_document_of_another_shape_comes_with_empty_fields() -> None:
    odd = document(sender_uid=types.Value(integer_value=1), envelope=types.Value(null_value=None))

    (found,), _ = read(listening(added(odd)))

    assert (found.sender_uid, found.envelope) == ("", "")


def test_the_window_is_counted() -> None:
    answers = [added(document(f"m{number}")) for number in range(PAGE)]
    gone = types.ListenResponse(
        document_remove=types.DocumentRemove(document=document("m0").name, removed_target_ids=[1])
    )
    full, less = listening(*answers), listening(*answers, gone)

    read(full)
    read(less)

    assert (full.full, less.full) == (True, False)


def test_what_the_window_holds_is_given_out_again_only_where_it_changed() -> None:
    listener = listening(added(document("m1")), added(document("m1")), added(document("m1", version=2)))

    found, _ = read(listener)

    assert [one.mid for one in found] == ["m1", "m1"]


@pytest.mark.parametrize(
    "end",
    [
        types.ListenResponse(document_delete=types.DocumentDelete(document=SESSION, removed_target_ids=[2])),
        types.ListenResponse(
            target_change=types.TargetChange(target_change_type=CHANGE.REMOVE, cause={"code": 7})
        ),
        types.ListenResponse(
            target_change=types.TargetChange(target_change_type=CHANGE.REMOVE, cause={"code": 16})
        ),
    ],
    ids=["session deleted", "permission denied", "unauthenticated"],
)
def test_the_end_of_the_session_is_noticed(end: types.ListenResponse) -> None:
    _, error = read(listening(current(1), end))

    assert isinstance(error, FirestoreDenied)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, FirestoreDenied),
        (grpc.StatusCode.UNAUTHENTICATED, FirestoreDenied),
        (grpc.StatusCode.UNAVAILABLE, FirestoreLost),
        (grpc.StatusCode.INTERNAL, FirestoreLost),
    ],
)
def test_a_failed_call_is_a_refusal_or_a_loss(status: grpc.StatusCode, kind: type[SealpostError]) -> None:
    _, error = read(listening(failure=Refusal(status)))

    assert isinstance(error, kind)
    with pytest.raises(kind):
        mailbox(Channel([], Refusal(status))).page(0)


def test_a_host_that_is_away_is_named() -> None:
    _, error = read(listening(failure=Refusal(grpc.StatusCode.UNAVAILABLE)))

    assert str(error) == "127.0.0.1:1 cannot be reached; messages are read there."


@pytest.mark.parametrize("failure", [ValueError("not protobuf"), KeyError("x"), RecursionError()])
def test_whatever_ends_the_listener_is_told(failure: Exception) -> None:
    """Else the thread ends without a word, and a person waits for messages that nobody reads."""
    _, error = read(listening(added(document()), failure=failure))

    assert isinstance(error, FirestoreLost)


def test_a_count_that_differs_is_a_loss() -> None:
    count = types.ListenResponse(filter=types.ExistenceFilter(target_id=1, count=3))

    _, error = read(listening(added(document()), count))

    assert isinstance(error, FirestoreLost)


def remove(name: str, *targets: int) -> types.ListenResponse:
    return types.ListenResponse(
        document_change=types.DocumentChange(document=types.Document(name=name), removed_target_ids=targets)
    )


def test_a_document_that_has_left_the_window_is_counted_no_more() -> None:
    count = types.ListenResponse(filter=types.ExistenceFilter(target_id=1, count=1))

    found, error = read(
        listening(added(document("m1")), added(document("m2")), remove(document("m1").name, 1), count)
    )

    assert [one.mid for one in found] == ["m1", "m2"]
    assert str(error) == "127.0.0.1:1 cannot be reached; messages are read there."


@pytest.mark.parametrize(
    "end",
    [
        remove(SESSION, 2),
        types.ListenResponse(document_remove=types.DocumentRemove(document=SESSION, removed_target_ids=[2])),
    ],
    ids=["changed", "removed"],
)
def test_a_session_that_leaves_its_target_has_ended(end: types.ListenResponse) -> None:
    _, error = read(listening(current(1), end))

    assert isinstance(error, FirestoreDenied)


def test_after_a_reset_the_window_is_counted_anew() -> None:
    reset = types.ListenResponse(
        target_change=types.TargetChange(target_change_type=CHANGE.RESET, target_ids=[1])
    )
    count = types.ListenResponse(filter=types.ExistenceFilter(target_id=1, count=1))

    _, error = read(
        listening(added(document("m1")), added(document("m2")), reset, added(document("m1")), count)
    )

    assert str(error) == "127.0.0.1:1 cannot be reached; messages are read there."


def test_a_count_of_the_session_is_not_of_the_messages() -> None:
    count = types.ListenResponse(filter=types.ExistenceFilter(target_id=2, count=1))
    unchanged = types.ListenResponse(
        target_change=types.TargetChange(target_change_type=CHANGE.NO_CHANGE, target_ids=[1])
    )

    found, error = read(listening(count, unchanged, added(document())))

    assert len(found) == 1
    assert "cannot be reached" in str(error)


def test_a_stream_that_ends_without_a_word_is_a_loss() -> None:
    channel = Channel([])

    _, error = read(mailbox(channel).listen(0))

    assert isinstance(error, FirestoreLost)


def test_where_nothing_comes_a_reader_gets_its_turn_back() -> None:
    class Silent(Channel):
        """Ends when it is cancelled."""

        def __init__(self) -> None:
            super().__init__([])
            self.over = threading.Event()

        def __iter__(self) -> Iterator[Any]:
            self.over.wait()
            yield from ()

        def cancel(self) -> None:
            self.over.set()

    listener = mailbox(Silent()).listen(0)

    assert listener.next(0) is None
    listener.close()
    assert isinstance(read(listener)[1], FirestoreLost)
