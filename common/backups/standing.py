"""How a backup stands, as the small objects of its folder tell."""

from dataclasses import dataclass
from typing import Any

from common.backups.model import BEGUN, FAILED, MANIFEST, OPERATIONS, State, members_of, seconds
from common.backups.ports import Archive

STARTING = 900.0
"""Seconds in which a call says what it has started, unless it died."""
EXPORTING = 43_200.0
"""Seconds that the exports may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A backup whose manifest or failure is not read but seen. Of `at` everything is in seconds since the epoch."""

    name: str
    state: State
    at: float
    """Everything acknowledged before is in it, if it completes."""
    operations: dict[str, str] | None = None
    reason: str | None = None
    """Why it failed."""

    def given_up(self, now: float) -> str | None:
        """Why it can never complete although nothing says so; None if it can, or stands complete or failed."""
        if self.state != "running":
            return None
        if self.operations is None:
            return "The call that began it has died." if now - self.at > STARTING else None
        return "The exports took longer than 12 hours." if now - self.at > EXPORTING else None


async def standing(archive: Archive, name: str) -> Standing:
    """How the backup `name` stands. A manifest counts more than a failure: it was written by who had seen all of it whole.

    Else whoever may create objects could spoil every backup by one more.
    """
    begun = _members(await archive.read(f"{name}/{BEGUN}"))
    try:
        at = seconds(begun["at"])
    except (KeyError, TypeError, ValueError):
        return Standing(name=name, state="failed", at=0.0, reason=f"It has no {BEGUN} that can be read.")
    if await archive.read(f"{name}/{MANIFEST}") is not None:
        return Standing(name=name, state="complete", at=at)
    failed = await archive.read(f"{name}/{FAILED}")
    if failed is not None:
        return Standing(name=name, state="failed", at=at, reason=str(_members(failed).get("reason", "")))
    return Standing(
        name=name,
        state="running",
        at=at,
        operations=_members(await archive.read(f"{name}/{OPERATIONS}")) or None,
    )


def _members(content: bytes | None) -> dict[str, Any]:
    return members_of(content or b"") or {}
