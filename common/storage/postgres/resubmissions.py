from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import DeviceNotActive, Forbidden, InvalidRequest, Unauthenticated
from common.identity import Caller, Head
from common.keys.chain import Chain
from common.keys.model import AddedDevice, HistoryKey, Removal, ShutOut, Statement
from common.storage.postgres.acts import ended_devices, sessions_of, set_history_key, shut_out
from common.storage.postgres.audit import audit
from common.storage.postgres.chain_rows import activate, append, is_stored, is_taken, lock
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

_CALLER = """
select device.state from sessions session
join devices device on device.uid = session.uid and device.id = session.device
where session.id = :session and session.uid = :uid and session.device = :device
  and session.revoked_at is null and session.expires_at > to_timestamp(:now::double precision)
"""
_MODULI = "select id, modulus from devices where uid = :uid"
# Whoever comes back by a statement may have signed in after the backup, so that its row was lost too.
_KEEP_DEVICE = """
insert into devices (id, uid, modulus, created_at)
values (:device, :uid, :modulus, to_timestamp(:now::double precision))
on conflict (id) do nothing
"""
_REMOVED_SINCE = "select true from removed_devices where device = :device"
_OWNER = "select uid from devices where id = :device"


@dataclass(frozen=True, slots=True)
class PostgresResubmissions:
    pool: Pool

    async def signing_keys(self, caller: Caller, uid: str, now: float) -> dict[str, str]:
        def work(run: Run) -> dict[str, str]:
            _require_caller(run, caller, uid, now)
            return dict(run(_MODULI, uid=uid))

        return await self.pool.transaction(work)

    async def append(self, caller: Caller, statements: Sequence[Statement], now: float) -> Head:
        return await self.pool.transaction(lambda run: _append(run, caller, statements, now).head)

    async def ending(self, caller: Caller, statements: Sequence[Statement], now: float) -> ShutOut:
        def work(run: Run) -> None:
            raise _Undone(_append(run, caller, statements, now).out)

        try:
            await self.pool.transaction(work)
        except _Undone as undone:
            return undone.out
        raise AssertionError


class _Undone(Exception):
    """Takes back the transaction that has shown whom it shuts out."""

    def __init__(self, out: ShutOut) -> None:
        super().__init__()
        self.out = out


@dataclass(frozen=True, slots=True)
class _Appended:
    head: Head
    out: ShutOut


def _append(run: Run, caller: Caller, statements: Sequence[Statement], now: float) -> _Appended:
    uid = statements[0].uid
    _require_caller(run, caller, uid, now)
    chain, is_new = lock(run, uid), False
    devices: list[str] = []
    sessions: tuple[str, ...] = ()
    for statement in statements:
        if is_stored(run, statement):
            continue
        if isinstance(statement, AddedDevice):
            _keep_device(run, statement, now)
            chain = lock(run, uid)
        chain.require_resubmitted(statement)
        if caller.uid != uid and run(_REMOVED_SINCE, device=statement.signer):
            raise Forbidden(
                "A device that was removed later has signed this. The account's own devices bring it back."
            )
        shut = ended_devices(chain, statement)
        devices += shut
        sessions += sessions_of(run, uid, shut, now, ended=False)
        append(run, chain, statement, now)
        _bring_about(run, chain, statement, now)
        chain, is_new = lock(run, uid), True
    if is_new:
        own = caller.session if caller.uid == uid else None
        audit(run, uid, "statements-resubmitted", now, session=own)
    if chain.head is None:
        raise InvalidRequest("The account has no key chain yet. Its first device begins it.")
    return _Appended(chain.head, ShutOut(tuple(devices), sessions))


def _bring_about(run: Run, chain: Chain, statement: Statement, now: float) -> None:
    if isinstance(statement, AddedDevice):
        activate(run, statement.uid, statement.pop.device, now, restored=True)
    elif isinstance(statement, Removal):
        shut_out(run, chain, statement, now)
    elif isinstance(statement, HistoryKey):
        set_history_key(run, chain, statement)


def _keep_device(run: Run, statement: AddedDevice, now: float) -> None:
    device = statement.pop.device
    run(_KEEP_DEVICE, device=device, uid=statement.uid, modulus=statement.pop.modulus, now=now)
    if run(_OWNER, device=device) != [[statement.uid]] or is_taken(run, device):
        raise InvalidRequest("The device to add is another account's, or its key serves another purpose.")


def _require_caller(run: Run, caller: Caller, uid: str, now: float) -> None:
    rows = run(_CALLER, session=caller.session, uid=caller.uid, device=caller.device, now=now)
    if not rows:
        raise Unauthenticated
    ((state,),) = rows
    if state == "revoked" or (state == "pending" and uid != caller.uid):
        raise DeviceNotActive
