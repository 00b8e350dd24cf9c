"""The lines that an account's person reads about it: written in the transaction of the act."""

from dataclasses import dataclass

from common.audit.model import Entry
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

_WRITE = """
insert into audit_log (uid, at, act, device, session)
values (:uid, to_timestamp(:now::double precision), :act, :device, :session)
"""
_READ = """
select id, extract(epoch from at)::double precision, act, device, session
from audit_log
where uid = :uid and (:before::bigint is null or id < :before)
order by id desc
limit :most::integer
"""


def audit(
    run: Run, uid: str, act: str, now: float, *, device: str | None = None, session: str | None = None
) -> None:
    """Write one line. `device` and `session` are those that the act was done to."""
    run(_WRITE, uid=uid, act=act, now=now, device=device, session=session)


@dataclass(frozen=True, slots=True)
class PostgresAudit:
    pool: Pool

    async def read(self, uid: str, *, before: int | None, most: int) -> list[Entry]:
        rows = await self.pool.run(_READ, uid=uid, before=before, most=most)
        return [
            Entry(id=number, at=at, act=act, device=device, session=session)
            for number, at, act, device, session in rows
        ]
