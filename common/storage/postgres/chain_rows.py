"""The rows of an account's chain, changed in transactions that hold the account's row."""

from collections.abc import Iterable
from typing import Any

from common.errors import KeyConflict
from common.identity import DeviceState, Head
from common.keys.chain import Chain, head_after, require_fresh
from common.keys.model import EncryptionKey, Statement
from common.keys.statements import issued_at
from common.restores import Restore
from common.storage.postgres.connection import Run
from common.storage.postgres.restores import read_restores

# The account's row is the lock under which its chain, its devices and their keys change.
_LOCK = "select root, head_seq, head_hash from accounts where uid = :uid for no key update"
_LAST = "select statement from statements where uid = :uid and seq = :seq"
_DEVICES = "select id, state from devices where uid = :uid order by created_at, id"
_HISTORY_KEYS = "select kid, living, backup_n from history_keys where uid = :uid"
_STORED = "select true from statements where uid = :uid and hash = :hash"
_APPEND = """
insert into statements (uid, seq, hash, statement, stored_at)
values (:uid, :seq, :hash, :statement, to_timestamp(:now::double precision))
"""
_MOVE_HEAD = "update accounts set root = :root, head_seq = :seq, head_hash = :hash where uid = :uid"
_ACTIVATE = """
update devices
set state = 'active', activated_at = to_timestamp(:now::double precision), restored = :restored::boolean
where id = :device and uid = :uid and state = 'pending'
"""
_KNOWN_KEY = "select true from encryption_keys where device = :device and n = :n and statement = :statement"
_CURRENT_KEY = """
select coalesce((select n from encryption_keys where device = :device and current), 0), restored
from devices where id = :device
"""
_PUBLISHED = "update devices set restored = false where id = :device"
_SUPERSEDE = "update encryption_keys set current = false where device = :device and current"
_TAKEN = """
select true where exists (select from encryption_keys where kid = :kid)
    or exists (select from history_keys where kid = :kid)
"""
_KEEP_KEY = """
insert into encryption_keys (kid, uid, device, n, issued_at, expires_at, statement, current)
select :kid, :uid, :device, :n::bigint, to_timestamp(:issued_at::bigint), to_timestamp(:expires_at::bigint), :statement, true
where not exists (select from history_keys where kid = :kid)
on conflict (kid) do nothing
returning true
"""


def lock(run: Run, uid: str) -> Chain:
    """The account's chain, which nobody else changes until this transaction ends."""
    ((root, seq, head_hash),) = run(_LOCK, uid=uid)
    devices: dict[str, DeviceState] = {row[0]: row[1] for row in run(_DEVICES, uid=uid)}
    keys = run(_HISTORY_KEYS, uid=uid)
    head = None if root is None else Head(uid=uid, root=root, seq=seq, hash=head_hash)
    last = run(_LAST, uid=uid, seq=seq) if head else []
    return Chain(
        head=head,
        issued_at=issued_at(last[0][0]) if last else 0,
        devices=devices,
        history_keys=frozenset(kid for kid, _, _ in keys),
        living=next((kid for kid, living, _ in keys if living), None),
        announced=max((backup_n for _, _, backup_n in keys), default=0),
        restores=read_restores(run),
    )


def is_stored(run: Run, statement: Statement) -> bool:
    return bool(run(_STORED, uid=statement.uid, hash=statement.hash))


def append(run: Run, chain: Chain, statement: Statement, now: float) -> Head:
    """Append a statement that may follow. The new head."""
    head = head_after(chain.head, statement)
    run(_APPEND, uid=head.uid, seq=head.seq, hash=head.hash, statement=statement.compact, now=now)
    run(_MOVE_HEAD, uid=head.uid, root=head.root, seq=head.seq, hash=head.hash)
    return head


def activate(run: Run, uid: str, device: str, now: float, *, restored: bool = False) -> None:
    """Let a pending device be active; `restored`: it was that before, and has other encryption keys than are kept."""
    run(_ACTIVATE, uid=uid, device=device, now=now, restored=restored)


def is_taken(run: Run, kid: str) -> bool:
    """Whether an encryption key, of a device or for the history, occurs in the service."""
    return bool(run(_TAKEN, kid=kid))


def supersede(run: Run, key: EncryptionKey, now: float, restores: Iterable[Restore]) -> None:
    """Make a key its device's current one, unless it was that before. After a restore any above the kept one follows.

    Raises:
        KeyConflict, InvalidRequest: see ChainStore.publish and require_fresh.
    """
    if run(_KNOWN_KEY, device=key.device, n=key.n, statement=key.compact):
        return
    require_fresh(key, now, restores)
    ((n, restored),) = run(_CURRENT_KEY, device=key.device)
    if key.n <= n or (key.n > n + 1 and not restored):
        raise KeyConflict("The key's n must be the current one plus one.", n=n)
    run(_SUPERSEDE, device=key.device)
    if restored:
        run(_PUBLISHED, device=key.device)
    keep_key(run, key)


def keep_key(run: Run, key: EncryptionKey) -> None:
    """Keep a device's current key, which has no other one.

    Raises:
        KeyConflict: its kid is taken.
    """
    kept: list[list[Any]] = run(
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
        raise KeyConflict("This key was published before. Make a new key pair.", n=key.n - 1)
