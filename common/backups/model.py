"""What stands in a backup's folder. docs/adr/0011-backups.md says why it is so."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self

BEGUN, OPERATIONS, MANIFEST, FAILED = "begun.json", "operations.json", "manifest.json", "failed.json"
DOCUMENTS, RELATIONS = "documents", "relations.sql.gz"
COLLECTIONS = ("conversations", "messages")
"""The collection groups that are backed up. Session documents are left out: a refresh makes them again."""

State = Literal["complete", "failed", "running"]

_VERSION = 2
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}(\.[23])?", re.ASCII)
_CRC32C = re.compile(r"[A-Za-z0-9+/]{6}==", re.ASCII)


class BackupRefused(Exception):
    """A backup is not whole, not what it says, or not one of ours. The sentence says which, and holds none of its content."""


class ExportRefused(Exception):
    """An export was refused for good: a permission or a part is missing. Says the status, never what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object of a backup, as it was written."""

    name: str
    """Relative to the backup's folder."""
    bytes: int
    crc32c: str
    """Of the content, big-endian, in base64, as Cloud Storage gives it."""

    def __post_init__(self) -> None:
        parts = self.name.split("/")
        if (
            not all(parts)
            or {".", ".."} & set(parts)
            or not _is_count(self.bytes)
            or not _CRC32C.fullmatch(self.crc32c)
        ):
            raise ValueError("no object of a backup")

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "bytes": self.bytes, "crc32c": self.crc32c}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A complete backup. Times are RFC 3339 in UTC."""

    project: str
    name: str
    at: str
    """Everything that was acknowledged before is in the backup."""
    finished_at: str
    objects: tuple[Object, ...]
    documents: int
    """How many of the collections `COLLECTIONS`."""
    migration: str
    """The newest that the relations have seen, by the name of its file."""
    rows: Mapping[str, int]
    """Of each table of the relations."""

    def __post_init__(self) -> None:
        seconds(self.at), seconds(self.finished_at)
        if not all(map(_is_count, (self.documents, *self.rows.values()))) or not isinstance(
            self.migration, str
        ):
            raise ValueError("no manifest of a backup")

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(part.bytes for part in self.objects)

    @property
    def digest(self) -> str:
        """Of all the rest."""
        return _digest(self._content())

    def write(self) -> bytes:
        return json.dumps(self._content() | {"digest": self.digest}, indent=1).encode("ascii") + b"\n"

    @classmethod
    def read(cls, content: bytes, *, project: str, name: str) -> Self:
        """The manifest of the backup `name` of `project`.

        Raises:
            BackupRefused: it is damaged, of another backup, or of a version that is not ours.
        """
        members = members_of(content)
        if members is None:
            raise BackupRefused("The manifest is damaged: it is no JSON object.")
        digest = members.pop("digest", None)
        if members.get("version") != _VERSION:
            raise BackupRefused(
                f"The manifest is not of version {_VERSION}, the one that this release reads."
            )
        if digest != _digest(members):
            raise BackupRefused("The manifest is damaged: its digest is not that of its content.")
        try:
            manifest = cls._of(members)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BackupRefused("The manifest lacks a member, or holds one that cannot be.") from None
        if manifest.project != project:
            raise BackupRefused("The manifest is of another project.")
        if manifest.name != name:
            raise BackupRefused("The manifest is of another backup.")
        return manifest

    def _content(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "project": self.project,
            "name": self.name,
            "at": self.at,
            "finished_at": self.finished_at,
            "objects": [part.json() for part in self.objects],
            "documents": self.documents,
            "relations": {"migration": self.migration, "rows": dict(self.rows)},
        }

    @classmethod
    def _of(cls, members: dict[str, Any]) -> Self:
        manifest = cls(
            project=members["project"],
            name=members["name"],
            at=members["at"],
            finished_at=members["finished_at"],
            objects=tuple(Object(**part) for part in members["objects"]),
            documents=members["documents"],
            migration=members["relations"]["migration"],
            rows=members["relations"]["rows"],
        )
        if manifest._content() != members:
            raise ValueError("members that are not ours")
        return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """What a dump of the relations holds."""

    migration: str
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Running:
    """An export that goes on."""


@dataclass(frozen=True, slots=True)
class Done:
    """An export that has ended well. `count` is of documents."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """An export that has ended without what was asked of it. `reason` is a sentence of ours."""

    reason: str


Progress = Running | Done | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a scheduler's call found or did, and the name of the backup that it speaks of."""

    name: str
    state: State | Literal["started", "too early"]
    reason: str | None = None
    """Why it failed."""


def is_name(text: str) -> bool:
    """Whether a folder of the archive is a backup's: 2026-11-22, or 2026-11-22.2 for the day's second attempt."""
    return _NAME.fullmatch(text) is not None


def rfc3339(moment: float) -> str:
    """A time in seconds since the epoch, to the second, in UTC."""
    return f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%dT%H:%M:%SZ}"


def seconds(text: str) -> float:
    """The inverse of `rfc3339`. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
    ).hexdigest()


def members_of(content: bytes) -> dict[str, Any] | None:
    """The members of a JSON object; None if the content is none."""
    try:
        members = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return members if isinstance(members, dict) else None
