"""Letting a session read: its row in PostgreSQL is the truth, its document in Firestore follows and never outlives it."""

from dataclasses import dataclass

from common.clock import Clock
from common.errors import NotFound, Unauthenticated
from common.identity import Caller
from common.sessions.model import Standing
from common.sessions.ports import LiveSessions, SessionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    store: SessionStore
    live: LiveSessions
    clock: Clock

    async def admit(self, caller: Caller) -> Standing:
        """Let the session read if its device is active. May be repeated.

        The row is read once more after the document is written: a session that was ended in between stays ended.

        Raises:
            Unauthenticated: the session has ended.
        """
        standing = await self.store.standing(caller, self.clock())
        if standing is not None and standing.state == "active":
            await self.live.put(caller, expires_at=standing.expires_at)
            standing = await self.store.standing(caller, self.clock())
            if standing is None:
                await self.live.delete(caller.uid, caller.session)
        if standing is None:
            raise Unauthenticated("This session has ended. Sign in again.")
        return standing

    async def end(self, uid: str, session: str) -> None:
        """End a session of this account; the next send and the next read see it. May be repeated.

        Raises:
            NotFound: the account has no such session.
        """
        if not await self.store.end(uid, session, self.clock()):
            raise NotFound("This account has no such session.")
        await self.live.delete(uid, session)
