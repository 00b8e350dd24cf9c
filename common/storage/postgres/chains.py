from dataclasses import dataclass
from typing import TypeVar

from common.errors import ResetDelayed
from common.identity import Caller
from common.keys.chain import Chain
from common.keys.model import EncryptionKey, Published, Reset, ShutOut, Statement
from common.keys.resets import SEEN_WITHIN, Wish, wish_before
from common.storage.postgres.acts import bring_about, ended_devices, sessions_of
from common.storage.postgres.audit import audit
from common.storage.postgres.chain_rows import append, is_stored, lock, supersede
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

_BEGAN = (
    "select extract(epoch from created_at)::double precision from sessions where id = :session and uid = :uid"
)
_OTHERS_SEEN = """
select exists (
    select from sessions session join devices device on device.id = session.device
    where session.uid = :uid and device.state = 'active' and session.device <> :device
      and session.seen_at > to_timestamp(:since::double precision)
)
"""
_WISH = """
select device, extract(epoch from requested_at)::bigint, extract(epoch from due_at)::bigint
from reset_requests where uid = :uid
"""
_KEEP_WISH = """
insert into reset_requests (uid, device, requested_at, due_at)
values (:uid, :device, to_timestamp(:requested_at::bigint), to_timestamp(:due_at::bigint))
on conflict (uid) do update
set device = excluded.device, requested_at = excluded.requested_at, due_at = excluded.due_at
"""
_FORGET_WISH = "delete from reset_requests where uid = :uid returning device"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PostgresChains:
    pool: Pool

    async def publish(
        self, caller: Caller, statement: Statement | None, key: EncryptionKey | None, now: float
    ) -> Published:
        def work(run: Run) -> Published | ResetDelayed:
            chain = lock(run, caller.uid)
            if statement is not None and not is_stored(run, statement):
                if delayed := _judge(run, chain, statement, caller, now):
                    return delayed
                append(run, chain, statement, now)
                bring_about(run, chain, statement, caller, now)
                chain = lock(run, caller.uid)
            head = chain.head or chain.require_active(caller.device)
            if key is not None:
                chain.require_active(caller.device)
                supersede(run, key, now, chain.restores)
            ended = sessions_of(run, caller.uid, ended_devices(chain, statement), now, ended=True)
            return Published(head=head, state=chain.devices[caller.device], ended=ended)

        return _raised(await self.pool.transaction(work))

    async def ending(self, caller: Caller, statement: Statement, now: float) -> ShutOut:
        def work(run: Run) -> ShutOut | ResetDelayed:
            chain = lock(run, caller.uid)
            ended = is_stored(run, statement)
            if not ended and (delayed := _judge(run, chain, statement, caller, now)):
                return delayed
            devices = ended_devices(chain, statement)
            return ShutOut(tuple(devices), sessions_of(run, caller.uid, devices, now, ended=ended))

        return _raised(await self.pool.transaction(work))

    async def veto(self, caller: Caller, now: float) -> None:
        def work(run: Run) -> None:
            lock(run, caller.uid).require_active(caller.device)
            for (device,) in run(_FORGET_WISH, uid=caller.uid):
                audit(run, caller.uid, "reset-vetoed", now, device=device, session=caller.session)

        await self.pool.transaction(work)


def _judge(run: Run, chain: Chain, statement: Statement, caller: Caller, now: float) -> ResetDelayed | None:
    """Whether a statement may follow now. A delay is no exception here: the wish that it tells of is to be committed."""
    chain.require_next(statement, now)
    if not isinstance(statement, Reset):
        return None
    rows = run(_WISH, uid=caller.uid)
    stands = Wish(device=rows[0][0], requested_at=rows[0][1], due_at=rows[0][2]) if rows else None
    ((began,),) = run(_BEGAN, session=caller.session, uid=caller.uid)
    ((seen,),) = run(_OTHERS_SEEN, uid=caller.uid, device=caller.device, since=now - SEEN_WITHIN)
    wish = wish_before(stands, device=caller.device, began=began, others_seen=seen, now=now)
    if wish is None:
        return None
    if wish != stands:
        run(
            _KEEP_WISH, uid=caller.uid, device=wish.device, requested_at=wish.requested_at, due_at=wish.due_at
        )
        audit(run, caller.uid, "reset-requested", now, device=wish.device, session=caller.session)
    return wish.delayed()


def _raised(outcome: T | ResetDelayed) -> T:
    if isinstance(outcome, ResetDelayed):
        raise outcome
    return outcome
