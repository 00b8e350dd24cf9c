"""What happened to one's account, by the service's word: it helps against thieves, not against the service."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sealpost import paging
from sealpost.records import Json

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "session-begun": "a device signed in",
        "session-ended": "a session ended",
        "device-added": "a device joined the account",
        "device-revoked": "a device was removed",
        "reset-requested": "a device asked to reset the account",
        "reset-vetoed": "a reset was vetoed",
        "reset": "the account was reset by a new device",
        "history-key-set": "history was turned on or off, or its backup renewed",
        "key-backup-saved": "a backup of the history key was stored",
        "key-backup-read": "a backup of the history key was read",
        "discovery-set": "it was set who may find the account",
    }
)
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`act` is one of SENTENCES, or newer than this client; `device` and `session` are ids that it was about."""

    at: datetime
    act: str
    device: str | None
    session: str | None


def read_audit(call: Callable[[str, Json], Json]) -> Iterator[AuditEntry]:
    """Newest first; the next hundred are asked for when they are needed."""
    for entry in paging.entries(call, "list_audit", "entries"):
        yield AuditEntry(
            at=paging.time(entry.get("at"), unit=_MILLISECONDS),
            act=paging.text(entry.get("act")),
            device=paging.optional_text(entry.get("device")),
            session=paging.optional_text(entry.get("session")),
        )
