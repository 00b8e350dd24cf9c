import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from common.clock import Clock
from common.revocations.ports import RevocationList


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """Objects `sessions/<id>`, `devices/<id>` and `accounts/<uid>`, each {"at": RFC 3339}.

    Whoever ends a session, removes a device or erases an account notes it here first: where that fails nothing has changed. Noting twice
    is noting once.
    """

    list: RevocationList
    clock: Clock

    async def note_sessions(self, *sessions: str) -> None:
        """Raises Unavailable, DeadlineExceeded: not all of them are noted."""
        await asyncio.gather(*(self._note(f"sessions/{session}") for session in sessions))

    async def note_devices(self, *devices: str) -> None:
        """Raises Unavailable, DeadlineExceeded: not all of them are noted."""
        await asyncio.gather(*(self._note(f"devices/{device}") for device in devices))

    async def note_account(self, uid: str) -> None:
        """Raises Unavailable, DeadlineExceeded."""
        await self._note(f"accounts/{uid}")

    async def _note(self, name: str) -> None:
        at = datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        await self.list.add(name, json.dumps({"at": at}).encode())
