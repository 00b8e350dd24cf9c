from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.directory.model import ConversationQuery, Found, FoundAccount, Wanted
from common.identity import Caller, Head
from common.storage.postgres.pool import Pool

_FIND = """
select 'account', wanted.place, account.uid, account.root, account.head_seq, account.head_hash,
    (select coalesce(json_agg(s.statement order by s.seq), '[]')
     from statements s where s.uid = account.uid and s.seq > wanted.known_seq),
    (select coalesce(json_agg(k.statement order by k.kid), '[]')
     from encryption_keys k join devices d on d.id = k.device
     where k.uid = account.uid and k.current and d.state = 'active'
       and k.expires_at > to_timestamp(:now::double precision))
from unnest(:indexes::text[], :uids::text[], :known_seqs::bigint[]) with ordinality
        as wanted (address_index, uid, known_seq, place)
join accounts account
    on account.uid = coalesce(wanted.uid,
        (select a.uid from accounts a where a.address_index = decode(wanted.address_index, 'hex')))
where account.root is not null
union all
select 'conversation', wanted.place, null, null, null, null,
    (select coalesce(json_agg(s.statement order by s.seq), '[]')
     from conversation_statements s where s.cid = member.cid and s.seq > wanted.known_seq),
    '[]'
from unnest(:cids::text[], :known_conversation_seqs::bigint[]) with ordinality as wanted (cid, known_seq, place)
join members member on member.cid = wanted.cid and member.uid = :caller
"""


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
        rows = await self.pool.run(
            _FIND,
            indexes=[wanted.index.hex() if wanted.index is not None else None for wanted in accounts],
            uids=[wanted.uid for wanted in accounts],
            known_seqs=[wanted.known_seq for wanted in accounts],
            cids=[query.id for query in conversations],
            known_conversation_seqs=[query.known_seq for query in conversations],
            caller=caller.uid,
            now=now,
        )
        found = {(row[0], row[1]): row for row in rows}
        return Found(
            accounts=tuple(_account(found.get(("account", place))) for place in range(1, len(accounts) + 1)),
            conversations=tuple(
                tuple(row[6]) if (row := found.get(("conversation", place))) else None
                for place in range(1, len(conversations) + 1)
            ),
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
