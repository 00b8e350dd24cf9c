from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.directory.model import NEW_ADDRESSES, ConversationQuery, Found, FoundAccount, Wanted
from common.errors import RateLimited
from common.identity import Caller, Head
from common.storage.postgres.discovery import FAMILIAR, OPEN
from common.storage.postgres.pool import Pool

_DAY = 86_400

# What is asked for is counted before it is looked up, and the look-up reads the count again: of many calls at once those
# that are answered have not looked up more than they may together. A call that would go past it counts nothing. The
# sweep, of some rows more than a call can make, takes what nobody has locked and nothing that this call might write.
_COUNT = f"""
with moment as (
    select to_timestamp(:now::double precision) as now, to_timestamp(:ends::double precision) as ends
), swept as (
    delete from discoveries where (uid, subject) in (
        select uid, subject from discoveries
        where window_ends <= (select now from moment) and encode(subject, 'hex') <> all(:subjects::text[])
        order by window_ends limit 60
        for update skip locked
    )
), strange as (
    select decode(asked.subject, 'hex') as subject
    from unnest(:subjects::text[], :indexes::text[]) as asked (subject, address_index)
    left join accounts account on account.address_index = decode(asked.address_index, 'hex')
    where account.uid is null or not {FAMILIAR}
), living as (
    select subject from discoveries where uid = :caller and window_ends > (select now from moment)
), fresh as (
    select subject from strange except select subject from living
), counted as (
    insert into discoveries (uid, subject, window_ends)
    select :caller, subject, (select ends from moment) from fresh
    where (select count(*) from living) + (select count(*) from fresh) <= :most::integer
    order by subject
    on conflict (uid, subject) do update set window_ends = excluded.window_ends
    returning true
)
select exists (select from strange), (select count(*) from fresh) = (select count(*) from counted)
"""  # noqa: S608 - constants
_FIND = f"""
select 'account', wanted.place, account.uid, account.root, account.head_seq, account.head_hash,
    (select coalesce(json_agg(s.statement order by s.seq), '[]')
     from statements s where s.uid = account.uid and s.seq > wanted.known_seq),
    (select coalesce(json_agg(k.statement order by k.kid), '[]')
     from encryption_keys k join devices d on d.id = k.device
     where k.uid = account.uid and k.current and d.state = 'active' and not d.restored
       and k.expires_at > to_timestamp(:now::double precision))
from unnest(:indexes::text[], :uids::text[], :known_seqs::bigint[]) with ordinality
        as wanted (address_index, uid, known_seq, place)
join accounts account
    on account.uid = coalesce(wanted.uid,
        (select a.uid from accounts a where a.address_index = decode(wanted.address_index, 'hex')))
where account.root is not null and {OPEN}
union all
select 'conversation', wanted.place, null, null, null, null,
    (select coalesce(json_agg(s.statement order by s.seq), '[]')
     from conversation_statements s where s.cid = member.cid and s.seq > wanted.known_seq),
    '[]'
from unnest(:cids::text[], :known_conversation_seqs::bigint[]) with ordinality as wanted (cid, known_seq, place)
join members member on member.cid = wanted.cid and member.uid = :caller
union all
select 'counted', count(*), null, null, null, null, '[]', '[]'
from discoveries
where :counting::boolean and uid = :caller and window_ends > to_timestamp(:now::double precision)
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class PostgresDirectory:
    pool: Pool

    async def find(
        self,
        accounts: Sequence[Wanted],
        conversations: Sequence[ConversationQuery],
        *,
        caller: Caller,
        now: float,
    ) -> Found:
        counting = await self._count(accounts, caller, now)
        rows = await self.pool.run(
            _FIND,
            indexes=[wanted.index.hex() if wanted.index is not None else None for wanted in accounts],
            uids=[wanted.uid for wanted in accounts],
            known_seqs=[wanted.known_seq for wanted in accounts],
            cids=[query.id for query in conversations],
            known_conversation_seqs=[query.known_seq for query in conversations],
            caller=caller.uid,
            counting=counting,
            now=now,
        )
        if any(kind == "counted" and count > NEW_ADDRESSES for kind, count, *_ in rows):
            raise _too_many(now)
        found = {(row[0], row[1]): row for row in rows}
        return Found(
            accounts=tuple(_account(found.get(("account", place))) for place in range(1, len(accounts) + 1)),
            conversations=tuple(
                tuple(row[6]) if (row := found.get(("conversation", place))) else None
                for place in range(1, len(conversations) + 1)
            ),
        )

    async def _count(self, accounts: Sequence[Wanted], caller: Caller, now: float) -> bool:
        """Count the addresses of strangers; whether there are any."""
        asked = {one.subject.hex(): one.index.hex() for one in accounts if one.subject and one.index}
        if not asked:
            return False
        rows = await self.pool.run(
            _COUNT,
            subjects=list(asked.keys()),
            indexes=list(asked.values()),
            caller=caller.uid,
            most=NEW_ADDRESSES,
            ends=now + _until_midnight(now),
            now=now,
        )
        strange, admitted = rows[0]
        if not admitted:
            raise _too_many(now)
        return bool(strange)


def _until_midnight(now: float) -> int:
    """Seconds until the day ends (UTC), and with it the count."""
    return _DAY - int(now) % _DAY


def _too_many(now: float) -> RateLimited:
    return RateLimited(
        "Too many new addresses were looked up today. Whom you know is still found by uid.",
        retry_after=_until_midnight(now),
    )


def _account(row: list[Any] | None) -> FoundAccount | None:
    if row is None:
        return None
    _, _, uid, root, seq, head_hash, statements, keys = row
    return FoundAccount(
        head=Head(uid=uid, root=root, seq=seq, hash=head_hash),
        statements=tuple(statements),
        encryption_keys=tuple(keys),
    )
