import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import Forbidden
from common.identity import Caller, Head
from common.keys import resets
from common.sessions.model import ListedSession, PendingReset, Standing, StoredSession
from common.storage.postgres.audit import audit
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

# Proofs are swept up as their device brings new ones: those an hour behind this one are of no more use.
_USE_PROOF = """
with swept as (
    delete from proofs
    where device = :device and expires_at < to_timestamp(:expires_at::double precision) - interval '1 hour'
)
insert into proofs as stored (device, jti, claim, expires_at)
values (:device, :jti, :claim::bytea, to_timestamp(:expires_at::double precision))
on conflict (device, jti) do update set claim = stored.claim where stored.claim = excluded.claim
returning true
"""

_ACCOUNT_OF = "select uid from accounts where address_index = :address_index::bytea"
# The update changes nothing: it makes a row that stands there come back.
_KEEP_ACCOUNT = """
insert into accounts as stored (uid, address_index, created_at)
values (:uid, :address_index::bytea, to_timestamp(:now::double precision))
on conflict (address_index) do update set address_index = stored.address_index
returning uid
"""
_KEEP_DEVICE = """
insert into devices (id, uid, modulus, created_at)
values (:device, :uid, :modulus, to_timestamp(:now::double precision))
on conflict (id) do nothing
"""
_OWNER = """
select uid, exists (select from removed_devices where device = devices.id) from devices where id = :device
"""
_OPEN = """
insert into sessions (id, uid, device, refresh_hash, created_at, seen_at, expires_at)
values (:id, :uid, :device, :refresh_hash, to_timestamp(:now::double precision),
        to_timestamp(:now::double precision), to_timestamp(:expires_at::double precision))
on conflict (id) do nothing
returning true
"""

_STANDING_COLUMNS = """
device.modulus, device.state, device.restored, extract(epoch from session.expires_at)::double precision,
account.uid, account.root, account.head_seq, account.head_hash
"""
_LIVE = "session.revoked_at is null and session.expires_at > to_timestamp(:now::double precision)"
_TABLES = """
sessions session
join devices device on device.uid = session.uid and device.id = session.device
join accounts account on account.uid = session.uid
"""
_FIND = f"""
select {_STANDING_COLUMNS},
    session.device, session.refresh_hash, session.previous_hash, session.rotation_proof,
    extract(epoch from session.rotated_at)::double precision, session.restored
from {_TABLES}
where session.id = :session and {_LIVE}
"""  # noqa: S608 - constants
_STANDING = f"""
select {_STANDING_COLUMNS}
from {_TABLES}
where session.id = :session and session.uid = :uid and session.device = :device and {_LIVE}
"""  # noqa: S608 - constants
_STANDING_WITH_RESET = f"""
select {_STANDING_COLUMNS},
    reset.device, extract(epoch from reset.requested_at)::double precision,
    extract(epoch from reset.due_at)::double precision
from {_TABLES}
left join reset_requests reset on reset.uid = session.uid
    and reset.due_at > to_timestamp(:lapsed::double precision)
where session.id = :session and session.uid = :uid and session.device = :device and {_LIVE}
"""  # noqa: S608 - constants
_ROTATE = f"""
update sessions session set
    refresh_hash = :successor,
    previous_hash = :presented,
    rotation_proof = :proof,
    rotated_at = to_timestamp(:now::double precision),
    restored = false,
    seen_at = to_timestamp(:now::double precision),
    expires_at = to_timestamp(:expires_at::double precision)
where session.id = :session and (session.refresh_hash = :presented or session.restored) and {_LIVE}
returning true
"""  # noqa: S608 - constants
_END = """
update sessions set revoked_at = to_timestamp(:now::double precision)
where id = any(:sessions::text[]) and uid = :uid and revoked_at is null
returning id, device
"""
_EXISTS = "select true from sessions where id = :session and uid = :uid"
_LIVING = f"""
select session.id, session.device, session.name,
    extract(epoch from session.created_at)::double precision,
    extract(epoch from session.seen_at)::double precision,
    extract(epoch from session.expires_at)::double precision
from sessions session
where session.uid = :uid and {_LIVE}
  and (:after::text is null or (session.created_at, session.id) < (
      select before.created_at, before.id from sessions before where before.id = :after and before.uid = :uid))
order by session.created_at desc, session.id desc
limit :most::integer
"""  # noqa: S608 - constants
_NAME = f"""
update sessions session set name = :name
where session.id = :session and session.uid = :uid and {_LIVE}
returning true
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class PostgresSessions:
    pool: Pool

    async def use_proof(self, device: str, jti: str, *, expires_at: float) -> bool:
        claim = secrets.token_bytes(16)
        rows = await self.pool.run(_USE_PROOF, device=device, jti=jti, claim=claim, expires_at=expires_at)
        return bool(rows)

    async def account_of(self, address_index: bytes) -> str | None:
        rows = await self.pool.run(_ACCOUNT_OF, address_index=address_index)
        return rows[0][0] if rows else None

    async def keep_account(self, address_index: bytes, *, uid: str, now: float) -> str:
        rows = await self.pool.run(_KEEP_ACCOUNT, address_index=address_index, uid=uid, now=now)
        kept: str = rows[0][0]
        return kept

    async def open(self, session: StoredSession, *, modulus: str, now: float) -> None:
        def work(run: Run) -> None:
            run(_KEEP_DEVICE, device=session.device, uid=session.uid, modulus=modulus, now=now)
            ((owner, removed),) = run(_OWNER, device=session.device)
            if owner != session.uid:
                raise Forbidden("This device belongs to another account. Make a new key for each account.")
            if removed:
                raise Forbidden(
                    "This device was removed from its account. Link another one, with a profile of its own."
                )
            opened = run(
                _OPEN,
                id=session.id,
                uid=session.uid,
                device=session.device,
                refresh_hash=session.refresh_hash,
                now=now,
                expires_at=session.expires_at,
            )
            if opened:
                audit(run, session.uid, "session-begun", now, device=session.device, session=session.id)

        await self.pool.transaction(work)

    async def find(self, session: str, now: float) -> tuple[StoredSession, Standing] | None:
        rows = await self.pool.run(_FIND, session=session, now=now)
        if not rows:
            return None
        *standing, device, refresh_hash, previous_hash, rotation_proof, rotated_at, restored = rows[0]
        stored = StoredSession(
            id=session,
            uid=standing[4],
            device=device,
            refresh_hash=refresh_hash,
            expires_at=standing[3],
            previous_hash=previous_hash,
            rotation_proof=rotation_proof,
            rotated_at=rotated_at,
            restored=restored,
        )
        return stored, _standing(standing)

    async def rotate(
        self, session: str, *, presented: str, successor: str, proof: str, now: float, expires_at: float
    ) -> bool:
        rows = await self.pool.run(
            _ROTATE,
            session=session,
            presented=presented,
            successor=successor,
            proof=proof,
            now=now,
            expires_at=expires_at,
        )
        return bool(rows)

    async def has(self, uid: str, session: str) -> bool:
        return bool(await self.pool.run(_EXISTS, session=session, uid=uid))

    async def end(self, uid: str, sessions: Sequence[str], now: float) -> None:
        await self.pool.transaction(lambda run: _end(run, uid, sessions, now))

    async def living(self, uid: str, now: float, *, after: str | None, most: int) -> list[ListedSession]:
        rows = await self.pool.run(_LIVING, uid=uid, now=now, after=after, most=most)
        return [
            ListedSession(
                id=session,
                device=device,
                name=name,
                created_at=created_at,
                seen_at=seen_at,
                expires_at=expires_at,
            )
            for session, device, name, created_at, seen_at, expires_at in rows
        ]

    async def name(self, uid: str, session: str, name: str | None, now: float) -> bool:
        return bool(await self.pool.run(_NAME, uid=uid, session=session, name=name, now=now))

    async def standing(self, caller: Caller, now: float) -> Standing | None:
        rows = await self.pool.run(
            _STANDING, session=caller.session, uid=caller.uid, device=caller.device, now=now
        )
        return _standing(rows[0]) if rows else None

    async def standing_with_reset(self, caller: Caller, now: float) -> Standing | None:
        rows = await self.pool.run(
            _STANDING_WITH_RESET,
            session=caller.session,
            uid=caller.uid,
            device=caller.device,
            now=now,
            lapsed=now - resets.LIFETIME,
        )
        if not rows:
            return None
        *standing, device, requested_at, due_at = rows[0]
        if device is None:
            return _standing(standing)
        reset = PendingReset(device=device, requested_at=requested_at, due_at=due_at)
        return _standing(standing, reset)


def _end(run: Run, uid: str, sessions: Sequence[str], now: float) -> None:
    for session, device in run(_END, uid=uid, sessions=list(sessions), now=now):
        audit(run, uid, "session-ended", now, device=device, session=session)


def _standing(row: list[Any], reset: PendingReset | None = None) -> Standing:
    modulus, state, restored, expires_at, uid, root, seq, head_hash = row
    head = None if root is None else Head(uid=uid, root=root, seq=seq, hash=head_hash)
    return Standing(
        modulus=modulus,
        state=state,
        head=head,
        expires_at=expires_at,
        restored=restored,
        pending_reset=reset,
    )
