from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of a backup."""

    name: str
    """Relative to the backup's folder."""
    bytes: int
    sha256: str

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one day's backup holds. Times are RFC 3339 in UTC."""

    day: str
    project: str
    started_at: str
    finished_at: str
    documents: tuple[Part, ...]
    relations: tuple[Part, ...]

    def json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "day": self.day,
            "project": self.project,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "documents": [part.json() for part in self.documents],
            "relations": [part.json() for part in self.relations],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a scheduler's call came to: the day, and whether this call made its backup, or found it complete."""

    day: str
    made: bool
