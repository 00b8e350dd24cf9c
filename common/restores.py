"""Restores of the databases from a backup, and what may be made good after one (docs/protocol.md, "After a restore")."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from common.jose import SKEW, require_now


@dataclass(frozen=True, slots=True)
class Restore:
    """What was acknowledged from `point` to `restored_at`, in seconds since the epoch, may be lost."""

    point: float
    restored_at: float


class Restores(Protocol):
    async def restores(self) -> tuple[Restore, ...]:
        """All of this database.

        Raises:
            Unavailable, DeadlineExceeded.
        """


def may_be_lost(issued_at: int, restores: Iterable[Restore]) -> bool:
    """Whether a restore may have lost what was issued then, by a clock that may be SKEW off."""
    return any(restore.point - SKEW <= issued_at <= restore.restored_at + SKEW for restore in restores)


def require_timely(issued_at: int, now: float, restores: Iterable[Restore], name: str) -> None:
    """Raises InvalidRequest: it was not issued now, nor at a time of which a restore may have lost what was issued."""
    if not may_be_lost(issued_at, restores):
        require_now(issued_at, now, name)
