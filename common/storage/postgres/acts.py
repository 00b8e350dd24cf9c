"""What the statements of a chain bring about besides, in the transaction that appends them."""

from common.errors import InvalidRequest
from common.identity import Caller
from common.keys.chain import DAY, Chain, require_pace
from common.keys.model import FirstDevice, HistoryKey, Removal, Reset, Statement
from common.restores import may_be_lost
from common.storage.postgres.audit import audit
from common.storage.postgres.chain_rows import activate, is_taken
from common.storage.postgres.connection import Run

_REVOKE = "update devices set state = 'revoked' where uid = :uid and id = any(:devices::text[]) and state = 'active'"
_END_KEYS = """
update encryption_keys set current = false where uid = :uid and device = any(:devices::text[]) and current
"""
_END_SESSIONS = """
update sessions set revoked_at = to_timestamp(:now::double precision)
where uid = :uid and device = any(:devices::text[]) and revoked_at is null
"""
_SESSIONS = """
select id from sessions
where uid = :uid and device = any(:devices::text[]) and expires_at > to_timestamp(:now::double precision)
  and (revoked_at is not null or not :ended::boolean)
order by id
"""
_END_HISTORY_KEY = "update history_keys set living = false where uid = :uid and living"
_CHANGES = """
select count(*) from audit_log
where uid = :uid and act = 'history-key-set' and at > to_timestamp(:since::double precision)
"""
_STORED_BACKUP = "select true from key_backups where uid = :uid and n = :n and hash = :hash"
_IS_DEVICE = "select true from devices where id = :kid"
_NEW_HISTORY_KEY = """
insert into history_keys (kid, uid, backup_n, backup_hash, living) values (:kid, :uid, :n, :hash, true)
on conflict (kid) do nothing
returning true
"""
_NEW_BACKUP = "update history_keys set backup_n = :n, backup_hash = :hash where kid = :kid"
_FORGET_WISH = "delete from reset_requests where uid = :uid"
_FORGET_LINK = "delete from link_requests where uid = :uid"


def ended_devices(chain: Chain, statement: Statement | None) -> list[str]:
    """The devices that a statement shuts out."""
    if isinstance(statement, Removal):
        return [statement.device]
    if isinstance(statement, Reset):
        return [device for device in chain.devices if device != statement.signer]
    return []


def sessions_of(run: Run, uid: str, devices: list[str], now: float, *, ended: bool) -> tuple[str, ...]:
    """The devices' sessions whose documents may stand: all of them, or those that have ended."""
    if not devices:
        return ()
    return tuple(row[0] for row in run(_SESSIONS, uid=uid, devices=devices, now=now, ended=ended))


def bring_about(run: Run, chain: Chain, statement: Statement, caller: Caller, now: float) -> None:
    """Raises InvalidRequest: a history key that cannot be; RateLimited: see require_pace."""
    uid, session = caller.uid, caller.session
    restored = may_be_lost(statement.issued_at, chain.restores)
    if isinstance(statement, FirstDevice):
        activate(run, uid, statement.signer, now, restored=restored)
        audit(run, uid, "device-added", now, device=statement.signer, session=session)
    elif isinstance(statement, Removal):
        shut_out(run, chain, statement, now)
        audit(run, uid, "device-revoked", now, device=statement.device, session=session)
    elif isinstance(statement, Reset):
        shut_out(run, chain, statement, now)
        activate(run, uid, statement.signer, now, restored=restored)
        run(_FORGET_WISH, uid=uid)
        run(_FORGET_LINK, uid=uid)
        audit(run, uid, "reset", now, device=statement.signer, session=session)
    elif isinstance(statement, HistoryKey):
        _require_announceable(run, statement, now)
        set_history_key(run, chain, statement)
        audit(run, uid, "history-key-set", now, device=statement.signer, session=session)


def shut_out(run: Run, chain: Chain, statement: Statement, now: float) -> None:
    devices = ended_devices(chain, statement)
    run(_REVOKE, uid=statement.uid, devices=devices)
    run(_END_KEYS, uid=statement.uid, devices=devices)
    run(_END_SESSIONS, uid=statement.uid, devices=devices, now=now)
    run(_END_HISTORY_KEY, uid=statement.uid)


def _require_announceable(run: Run, statement: HistoryKey, now: float) -> None:
    require_pace(run(_CHANGES, uid=statement.uid, since=now - DAY)[0][0])
    backup = statement.backup
    if backup is not None and not run(_STORED_BACKUP, uid=statement.uid, n=backup.n, hash=backup.hash):
        raise InvalidRequest("The backup is not one that the account has stored: check n and hash.")


def set_history_key(run: Run, chain: Chain, statement: HistoryKey) -> None:
    """Raises InvalidRequest: the key was published before."""
    uid, kid, backup = statement.uid, statement.kid, statement.backup
    if kid is None or backup is None:
        run(_END_HISTORY_KEY, uid=uid)
        return
    if chain.living == kid:
        run(_NEW_BACKUP, kid=kid, n=backup.n, hash=backup.hash)
        return
    run(_END_HISTORY_KEY, uid=uid)
    taken = is_taken(run, kid) or run(_IS_DEVICE, kid=kid)
    if taken or not run(_NEW_HISTORY_KEY, kid=kid, uid=uid, n=backup.n, hash=backup.hash):
        raise InvalidRequest("This history key was published before. Make a new key pair.")
