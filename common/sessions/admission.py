"""Letting a session read: its row in PostgreSQL is the truth, its document in Firestore follows and never outlives it."""

from dataclasses import dataclass

from common.clock import Clock
from common.errors import DeviceNotActive, NotFound, Unauthenticated
from common.identity import Caller
from common.sessions.model import Standing
from common.sessions.ports import LiveSessions, Revoked, SessionStore

READING = 7_800
"""How long a session may read after it was begun or renewed, in seconds: the hour of its custom token, the hour of the ID
token, and some minutes. A client renews its session within the hour, so that whatever a fault leaves behind ends soon."""
_AT_ONCE = 100
"""Sessions that are ended in one commit of Firestore, which takes 500 writes at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    store: SessionStore
    live: LiveSessions
    revoked: Revoked
    clock: Clock

    async def admit(self, caller: Caller) -> Standing:
        """Let the session read for a while if its device is active. May be repeated.

        The row is read once more after the document is written: a session that was ended in between stays ended, and
        one that was begun while its device was removed does not read.

        Raises:
            Unauthenticated: the session has ended.
        """
        now = self.clock()
        standing = await self.store.standing_with_reset(caller, now)
        if standing is not None and standing.state == "active":
            await self.live.put(caller, expires_at=min(standing.expires_at, now + READING))
            standing = await self.store.standing_with_reset(caller, now)
            if standing is None or standing.state != "active":
                await self.live.delete(caller.uid, caller.session)
        if standing is None:
            raise Unauthenticated
        return standing

    async def end(self, caller: Caller, session: str) -> None:
        """End a session of the caller's account; the next send and the next read see it. May be repeated.

        That it ends is noted first, then its document goes: if that fails, the row still stands and the call can be made
        again. The document goes once more after the row, in case the session was renewed in between.

        Raises:
            NotFound: the account has no such session.
            DeviceNotActive: the session is another one, and the caller's device may only sign out.
        """
        now = self.clock()
        if session != caller.session:
            standing = await self.store.standing(caller, now)
            if standing is None or standing.state != "active":
                raise DeviceNotActive("A device that is not active may end its own session alone.")
        if not await self.store.has(caller.uid, session):
            raise NotFound("This account has no such session.")
        await self.revoked.note_sessions(session)
        await self._end(caller.uid, session)

    async def end_misused(self, caller: Caller) -> None:
        """End the caller's session, which somebody else may hold: at once, and only then is it noted."""
        await self._end(caller.uid, caller.session)
        await self.revoked.note_sessions(caller.session)

    async def end_all(self, caller: Caller) -> None:
        """End every session of the caller's account, the caller's own last: until then the call may be repeated."""
        while others := await self._others(caller):
            await self.revoked.note_sessions(*others)
            await self._end(caller.uid, *others)
        await self.end(caller, caller.session)

    async def _end(self, uid: str, *sessions: str) -> None:
        await self.live.delete(uid, *sessions)
        await self.store.end(uid, sessions, self.clock())
        await self.live.delete(uid, *sessions)

    async def _others(self, caller: Caller) -> list[str]:
        living = await self.store.living(caller.uid, self.clock(), after=None, most=_AT_ONCE)
        return [session.id for session in living if session.id != caller.session]
