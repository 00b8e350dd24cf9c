"""Firestore's events: CloudEvents with DocumentEventData, delivered at least once and in any order.

A function that returns has handled the event. One that raises Unavailable or DeadlineExceeded gets it again (503).
An event that can never be handled is poison, and so is one that the domain refuses: it is filed in dead_events and
acknowledged.

Events come as plain HTTP, and are parsed here: the framework's own cloud_event takes a body of any size, answers one that
is no event with a repetition of it, and leaves no line in the log.
"""

import re
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import functions_framework.aio
from cloudevents.http import CloudEvent, from_http
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from common.clock import Clock, deadline
from common.errors import DeadlineExceeded, SealpostError, Unavailable
from common.events.ports import DeadEvents, Decode
from common.http.body import read_body, require_small
from common.http.edge import CLIENT_CLOSED_REQUEST, refuse
from common.http.problems import RequestTimeout, method_not_allowed
from common.telemetry import log_call, log_fault

EVENT_BYTES = 4 * 1024 * 1024
"""More than Firestore's largest document as it was and as it is, in base64."""

_EVENT_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Poison(Exception):
    """This event can never be handled. The reason is ours and holds nothing of the event."""


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """A new document: the segments of its path below the database's root, and its fields."""

    path: tuple[str, ...]
    fields: dict[str, Any]

    def milliseconds(self, name: str) -> int:
        """A timestamp field in milliseconds since the epoch.

        Raises:
            Poison: there is no such timestamp.
        """
        value = self.fields.get(name)
        if not isinstance(value, datetime):
            raise Poison(f"{name} is not a timestamp")
        return int(value.timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEdge:
    decode: Decode
    dead_events: DeadEvents
    clock: Clock
    call_seconds: float = 30.0
    body_seconds: float = 10.0


Handler = Callable[[DocumentChange], Awaitable[None]]

_LATER = (Unavailable, DeadlineExceeded, RequestTimeout)
"""What may work when it is tried again."""


def on_document(edge: EventEdge) -> Callable[[Handler], Any]:
    """A function that Firestore calls with a document that was created or changed."""

    def decorate(function: Handler) -> Any:
        name = function.__name__

        async def handle(request: Request) -> Response:
            if request.method != "POST":
                return refuse(name, request.method, method_not_allowed(("POST",)))
            began = time.monotonic()
            status, reason = 200, None
            try:
                async with deadline(edge.call_seconds):
                    reason = await _handled(edge, function, request)
            except ClientDisconnect:
                status = CLIENT_CLOSED_REQUEST
            except _LATER as error:
                status, reason = 503, type(error).__name__
            except Exception as error:  # noqa: BLE001 - the framework would log its text, which may hold the event's
                log_fault(name, error)
                status, reason = 503, "unforeseen"
            log_call(name, status=status, seconds=time.monotonic() - began, reason=reason)
            return Response(status_code=status)

        handle.__name__ = name
        return functions_framework.aio.http(handle)

    return decorate


async def _handled(edge: EventEdge, function: Handler, request: Request) -> str | None:
    """None once the function has returned; why the event was filed if it is poison."""
    event: CloudEvent | None = None
    try:
        require_small(request, EVENT_BYTES)
        event = _event(request, await read_body(request, limit=EVENT_BYTES, seconds=edge.body_seconds))
        await function(_change(event, edge.decode))
    except _LATER:
        raise
    except (Poison, SealpostError) as poison:
        reason = str(poison) if isinstance(poison, Poison) else type(poison).__name__
        event_id, kind = (
            (request.headers.get("ce-id"), request.headers.get("ce-type"))
            if event is None
            else (event.get("id"), event.get("type"))
        )
        await edge.dead_events.file(
            function=function.__name__,
            event_id=_safe(event_id),
            kind=_safe(kind),
            reason=reason,
            now=edge.clock(),
        )
        return reason
    return None


def _event(request: Request, body: bytes) -> CloudEvent:
    try:
        return from_http(request.headers, body)
    except Exception:  # noqa: BLE001 - the library's errors, and those of whatever it parses with
        raise Poison("not a CloudEvent") from None


def _change(event: CloudEvent, decode: Decode) -> DocumentChange:
    document = event.get("document")
    path = tuple(document.split("/")) if isinstance(document, str) else ()
    if not path or len(path) % 2 or not all(path):
        raise Poison("no document attribute")
    try:
        fields = decode(_bytes(event.data))
    except ValueError:
        raise Poison("data is not DocumentEventData") from None
    if fields is None:
        raise Poison("no new document")
    return DocumentChange(path=path, fields=fields)


def _bytes(data: Any) -> bytes:
    """Production sends protobuf as it is; the emulator sends it in base64, which no DocumentEventData looks like."""
    if isinstance(data, str):
        data = data.encode("ascii", "strict")
    if not isinstance(data, bytes):
        raise ValueError("no bytes")  # noqa: TRY004 - for the decoder's caller both are the same poison
    try:
        return b64decode(data, validate=True)
    except ValueError:
        return data


def _safe(value: Any) -> str:
    return value if isinstance(value, str) and _EVENT_ID.fullmatch(value) else "unreadable"
