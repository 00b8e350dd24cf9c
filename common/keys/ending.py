"""The devices that a statement shuts out and their sessions, around the transaction that appends it."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.keys.model import ShutOut
from common.keys.ports import Documents, Revoked

_AT_ONCE = 100
"""Documents deleted in one commit of Firestore, which takes 500 writes at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    documents: Documents
    revoked: Revoked

    async def begin(self, uid: str, out: ShutOut) -> None:
        """Before their rows end: that they end is noted, then the sessions' documents go.

        Raises:
            Unavailable, DeadlineExceeded: the sessions live on.
        """
        await self.revoked.note_devices(*out.devices)
        await self.revoked.note_sessions(*out.sessions)
        await self.finish(uid, out.sessions)

    async def finish(self, uid: str, sessions: Sequence[str]) -> None:
        """Once more when their rows have ended, in case a session was renewed in between."""
        for start in range(0, len(sessions), _AT_ONCE):
            await self.documents.delete(uid, *sessions[start : start + _AT_ONCE])
