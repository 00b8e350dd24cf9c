"""Firestore's events: CloudEvents with DocumentEventData, delivered at least once and in any order.

A function that returns has handled the event. One that raises Unavailable or DeadlineExceeded gets it again (503).
An event that can never be handled is poison, and so is one that the domain refuses: it is filed in dead_events and
acknowledged.
"""

import re
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import functions_framework.aio
from cloudevents.http.event import CloudEvent
from starlette.exceptions import HTTPException

from common.clock import Clock, deadline
from common.errors import DeadlineExceeded, SealpostError, Unavailable
from common.events.ports import DeadEvents, Decode
from common.telemetry import log_call, log_fault

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


def on_document(edge: EventEdge) -> Callable[[Callable[[DocumentChange], Awaitable[None]]], Any]:
    """A function that Firestore calls with a document that was created or changed."""

    def decorate(function: Callable[[DocumentChange], Awaitable[None]]) -> Any:
        name = function.__name__

        async def handle(event: CloudEvent) -> None:
            began = time.monotonic()
            status, reason = 200, None
            try:
                async with deadline(edge.call_seconds):
                    try:
                        await function(_change(event, edge.decode))
                    except (Unavailable, DeadlineExceeded):
                        raise
                    except (Poison, SealpostError) as poison:
                        reason = str(poison) if isinstance(poison, Poison) else type(poison).__name__
                        await edge.dead_events.file(
                            function=name,
                            event_id=_safe(event.get("id")),
                            kind=_safe(event.get("type")),
                            reason=reason,
                            now=edge.clock(),
                        )
            except (Unavailable, DeadlineExceeded) as error:
                status, reason = 503, type(error).__name__
            except Exception as error:  # noqa: BLE001 - the framework would log its text, which may hold the event's
                log_fault(name, error)
                status, reason = 503, "unforeseen"
            log_call(name, status=status, seconds=time.monotonic() - began, reason=reason)
            if status != 200:  # noqa: PLR2004 - acknowledged
                raise HTTPException(status) from None

        handle.__name__ = name
        return functions_framework.aio.cloud_event(handle)

    return decorate


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
