from dataclasses import dataclass
from typing import Any

from common.errors import ChainConflict, DeviceNotActive, KeyConflict
from common.identity import Head
from common.keys.model import EncryptionKey, FirstDevice
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

# The account's row is the lock under which its chain and its devices' keys change.
_LOCK_ACCOUNT = "select root, head_seq, head_hash from accounts where uid = :uid for update"
_ACTIVATE = """
update devices set state = 'active', activated_at = to_timestamp(:now::double precision)
where id = :device and uid = :uid and state = 'pending'
returning true
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


@dataclass(frozen=True, slots=True)
class PostgresChains:
    pool: Pool

    async def publish(
        self, uid: str, device: str, first: FirstDevice | None, key: EncryptionKey | None, now: float
    ) -> Head:
        def work(run: Run) -> Head:
            head = _head(uid, run(_LOCK_ACCOUNT, uid=uid))
            if first is not None:
                head = _begin(run, head, first, now)
            if head is None or run(_STATE, device=device, uid=uid) != [["active"]]:
                raise DeviceNotActive(
                    "This device is not active in the account's key chain. Publish or link it first."
                )
            if key is not None:
                _supersede(run, key)
            return head

        return await self.pool.transaction(work)


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
    if not run(_ACTIVATE, device=first.device, uid=first.uid, now=now):
        raise DeviceNotActive("This device is not known to the account. Sign in again.")
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
