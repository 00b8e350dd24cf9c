import re
from dataclasses import dataclass
from typing import Any

from common.jose import matching

_CURSOR = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Reading:
    """The request {"cursor": null or the one that the page before ended with}."""

    cursor: str | None

    def __post_init__(self) -> None:
        if self.cursor is not None:
            matching(self.cursor, _CURSOR, "The cursor")

    @property
    def before(self) -> int | None:
        return None if self.cursor is None else int(self.cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: an act and the ids that it was about, nothing of their content."""

    id: int
    at: float
    """Seconds since the epoch."""
    act: str
    device: str | None
    session: str | None

    def json(self) -> dict[str, Any]:
        return {
            "at": round(self.at * 1000),
            "act": self.act,
            "device": self.device,
            "session": self.session,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Some of an account's lines, newest first."""

    entries: tuple[Entry, ...]
    cursor: str | None
    """None if there are no more."""

    def json(self) -> dict[str, Any]:
        return {"entries": [entry.json() for entry in self.entries], "cursor": self.cursor}
