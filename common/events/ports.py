"""What the event edge needs of the world."""

from collections.abc import Callable
from typing import Any, Protocol

Decode = Callable[[bytes], dict[str, Any] | None]
"""The fields of the new document of a DocumentEventData, or None where there is no new document; ValueError if it is
none. Timestamps come as timezone-aware datetimes."""


class DeadEvents(Protocol):
    async def file(self, *, function: str, event_id: str, kind: str, reason: str, now: float) -> None:
        """Keep a row about an event that can never be handled: what and why, nothing of what is in it. May be repeated."""
