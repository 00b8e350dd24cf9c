from dataclasses import dataclass

from common.clock import Clock
from common.errors import NotFound
from common.identity import Caller
from common.sessions.model import Naming, Paging, SessionPage
from common.sessions.ports import SessionStore

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a person sees of their sessions. None of this is asked or written when a message is sent."""

    store: SessionStore
    clock: Clock

    async def page(self, paging: Paging, caller: Caller) -> SessionPage:
        """The account's living sessions, newest first, a hundred at a time."""
        found = await self.store.living(caller.uid, self.clock(), after=paging.cursor, most=PAGE + 1)
        page = tuple(found[:PAGE])
        return SessionPage(
            sessions=page, current=caller.session, cursor=page[-1].id if len(found) > PAGE else None
        )

    async def name(self, naming: Naming, caller: Caller) -> None:
        """Call a session by a name of the person's own, or by none. May be repeated.

        Raises:
            NotFound: no such session of the account lives.
        """
        if not await self.store.name(caller.uid, naming.session_id, naming.name, self.clock()):
            raise NotFound("This account has no such session.")
