from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import ChainConflict, DeviceNotActive, KeyConflict
from common.identity import Caller, Head
from common.keys.model import ConversationQuery, EncryptionKey, FirstDevice, Found, FoundAccount, Wanted
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

# The account's row is the lock under which its chain and its devices' keys change.
_LOCK_ACCOUNT = "select root, head_seq, head_hash from accounts where uid = :uid for update"
_ACTIVATE = """
update devices set state = 'active', activated_at = to_timestamp(:now::double precision)
where id = :device and uid = :uid and state = 'pending'
"""
_APPEND = """
insert into statements (uid, seq, hash, statement, stored_at)
values (:uid, :seq, :hash, :statement, to_timestamp(:now::double precision))
"""
_BEGIN_CHAIN = "update accounts set root = :hash, head_seq = 0, head_hash = :hash where uid = :uid"
_STATE = "select state from devices where id = :device and uid = :uid"
_CURRENT_KEY = "select n, statement from encryption_keys where device = :device and current"
_SUPERSEDE = "update encryption_keys set current = false where device = :device and current"
_KEEP_KEY = """
insert into encryption_keys (kid, uid, device, n, issued_at, expires_at, statement, current)
values (:kid, :uid, :device, :n, to_timestamp(:issued_at::bigint), to_timestamp(:expires_at::bigint), :statement, true)
on conflict (kid) do nothing
returning true
"""

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
class PostgresKeys:
    pool: Pool

    async def publish(
        self, uid: str, device: str, first: FirstDevice | None, key: EncryptionKey, now: float
    ) -> Head:
        def work(run: Run) -> Head:
            head = _head(uid, run(_LOCK_ACCOUNT, uid=uid))
            if first is not None:
                head = _begin(run, head, first, now)
            if head is None or run(_STATE, device=device, uid=uid) != [["active"]]:
                raise DeviceNotActive(
                    "This device is not active in the account's key chain. Publish or link it first."
                )
            _supersede(run, key)
            return head

        return await self.pool.transaction(work)

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


def _head(uid: str, rows: list[list[Any]]) -> Head | None:
    if not rows or rows[0][0] is None:
        return None
    root, seq, head_hash = rows[0]
    return Head(uid=uid, root=root, seq=seq, hash=head_hash)


def _begin(run: Run, head: Head | None, first: FirstDevice, now: float) -> Head:
    if head is not None:
        if head.root != first.hash:
            raise ChainConflict("The account's key chain has begun with another statement.", head=head.json())
        return head
    run(_ACTIVATE, device=first.device, uid=first.uid, now=now)
    run(_APPEND, uid=first.uid, seq=0, hash=first.hash, statement=first.compact, now=now)
    run(_BEGIN_CHAIN, uid=first.uid, hash=first.hash)
    return Head(uid=first.uid, root=first.hash, seq=0, hash=first.hash)


def _supersede(run: Run, key: EncryptionKey) -> None:
    current = run(_CURRENT_KEY, device=key.device)
    n, statement = current[0] if current else (0, None)
    if (n, statement) == (key.n, key.compact):
        return
    if key.n != n + 1:
        raise KeyConflict("The key's n must be the current one plus one.", n=n)
    run(_SUPERSEDE, device=key.device)
    kept = run(
        _KEEP_KEY,
        kid=key.kid,
        uid=key.uid,
        device=key.device,
        n=key.n,
        issued_at=key.issued_at,
        expires_at=key.expires_at,
        statement=key.compact,
    )
    if not kept:
        raise KeyConflict("This key was published before. Make a new key pair.", n=n)


def _account(row: list[Any] | None) -> FoundAccount | None:
    if row is None:
        return None
    _, _, uid, root, seq, head_hash, statements, keys = row
    return FoundAccount(
        head=Head(uid=uid, root=root, seq=seq, hash=head_hash),
        statements=tuple(statements),
        encryption_keys=tuple(keys),
    )
