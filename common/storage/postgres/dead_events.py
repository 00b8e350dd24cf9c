from dataclasses import dataclass

from common.storage.postgres.pool import Pool

_FILE = """
insert into dead_events as stored (function, event_id, kind, reason, first_at, last_at)
values (:function, :event_id, :kind, :reason, to_timestamp(:now::double precision), to_timestamp(:now::double precision))
on conflict (function, event_id, kind) do update set times = stored.times + 1, last_at = excluded.last_at
"""


@dataclass(frozen=True, slots=True)
class PostgresDeadEvents:
    pool: Pool

    async def file(self, *, function: str, event_id: str, kind: str, reason: str, now: float) -> None:
        await self.pool.run(_FILE, function=function, event_id=event_id, kind=kind, reason=reason, now=now)
