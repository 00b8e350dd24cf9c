from dataclasses import dataclass

from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

_SESSIONS = "select id from sessions where uid = :uid order by id"
_ERASE = "delete from accounts where uid = :uid returning true"
EMPTY_CONVERSATIONS = (
    "delete from conversations where not exists (select from members where members.cid = conversations.cid)"
)
"""Deletes those that nobody is in any more."""


@dataclass(frozen=True, slots=True)
class PostgresErasure:
    pool: Pool

    async def sessions(self, uid: str) -> tuple[str, ...]:
        return tuple(session for (session,) in await self.pool.run(_SESSIONS, uid=uid))

    async def erase(self, uid: str) -> bool:
        def work(run: Run) -> bool:
            erased = bool(run(_ERASE, uid=uid))
            run(EMPTY_CONVERSATIONS)
            return erased

        return await self.pool.transaction(work)
