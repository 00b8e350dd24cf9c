from collections.abc import Sequence
from dataclasses import dataclass

from common.quotas import Quota
from common.storage.postgres.pool import Pool

# Subjects are locked in one order, so that two calls that share some of them do not wait for each other in a ring. The
# sweep, which PostgreSQL runs last, takes what nobody has locked: it waits for no call, and a sweep of some rows more
# than a call can make is enough to keep the table at the size of what is alive.
_ADMIT = """
with swept as (
    delete from rate_limits where (subject, seconds) in (
        select subject, seconds from rate_limits
        where window_ends <= to_timestamp(:now::double precision)
          and encode(subject, 'hex') <> all(:subjects::text[])
        order by window_ends limit 20
        for update skip locked
    )
)
insert into rate_limits as stored (subject, seconds, calls, window_ends)
select decode(subject, 'hex'), seconds, 1, to_timestamp(:now::double precision) + make_interval(secs => seconds)
from unnest(:subjects::text[], :seconds::integer[]) as asked (subject, seconds)
order by subject, seconds
on conflict (subject, seconds) do update set
    calls = case when stored.window_ends <= to_timestamp(:now::double precision) then 1
                 else least(stored.calls, 1000000) + 1 end,
    window_ends = case when stored.window_ends <= to_timestamp(:now::double precision) then excluded.window_ends
                       else stored.window_ends end
returning encode(subject, 'hex'), seconds, calls
"""


@dataclass(frozen=True, slots=True)
class PostgresQuotas:
    """Quotas as windows that begin with their first call. Refused calls count too: the window ends all the same."""

    pool: Pool

    async def admit(self, quotas: Sequence[Quota], now: float) -> bool:
        most = {(quota.subject.hex(), quota.seconds): quota.most for quota in quotas}
        subjects, seconds = zip(*most, strict=True)
        rows = await self.pool.run(_ADMIT, subjects=list(subjects), seconds=list(seconds), now=now)
        return all(calls <= most[subject, window] for subject, window, calls in rows)
