from dataclasses import dataclass

from common.errors import InvalidRequest, KeyConflict, LinkPending, NotFound
from common.identity import Caller, Head
from common.keys.encryption_keys import stored_encryption_key
from common.keys.model import AddedDevice, EncryptionKey, Joining, Link, Pop
from common.storage.postgres.audit import audit
from common.storage.postgres.chain_rows import activate, append, is_stored, is_taken, keep_key, lock
from common.storage.postgres.connection import Rows, Run
from common.storage.postgres.pool import Pool

# A request counts while its device is signed in: who ends the sessions of a stranger's device lets the next one ask.
_FIND = """
select device, pop, encryption_key, mac, extract(epoch from expires_at)::bigint
from link_requests link
where uid = :uid and grant_mac is null and expires_at > to_timestamp(:now::double precision) and exists (
    select from sessions session
    where session.uid = link.uid and session.device = link.device
      and session.revoked_at is null and session.expires_at > to_timestamp(:now::double precision))
"""
_CLEAR = """
delete from link_requests
where uid = :uid and (grant_mac is null or expires_at <= to_timestamp(:now::double precision))
"""
_KEEP = """
insert into link_requests (uid, device, pop, encryption_key, mac, expires_at)
values (:uid, :device, :pop, :encryption_key, :mac, to_timestamp(:expires_at::bigint))
"""
_GRANT = """
update link_requests set grant_mac = :mac, expires_at = to_timestamp(:until::bigint)
where uid = :uid and device = :device
"""
# A device that was linked resets nothing, and its wish would keep others waiting.
_FORGET_WISH = "delete from reset_requests where uid = :uid and device = :device"
# The statements are those of the caller's own account, and shown once its device is one of them.
_JOINING = """
select device.state, link.grant_mac, account.root, account.head_seq, account.head_hash,
    (select coalesce(json_agg(s.statement order by s.seq), '[]') from statements s
     where s.uid = account.uid and device.state = 'active' and link.grant_mac is not null),
    link.device is not null
from sessions session
join devices device on device.uid = session.uid and device.id = session.device
join accounts account on account.uid = session.uid
left join link_requests link on link.uid = session.uid and link.device = session.device
    and link.expires_at > to_timestamp(:now::double precision)
where session.id = :session and session.uid = :uid and session.device = :device
  and session.revoked_at is null and session.expires_at > to_timestamp(:now::double precision)
"""


@dataclass(frozen=True, slots=True)
class PostgresLinks:
    pool: Pool

    async def request(self, caller: Caller, link: Link, pop: Pop, key: EncryptionKey, now: float) -> int:
        def work(run: Run) -> int:
            chain = lock(run, caller.uid)
            if chain.head is None:
                raise InvalidRequest("The account has no key chain yet. Begin it with add-device at seq 0.")
            chain.require_pending(caller.device)
            stands = _find(run, caller.uid, now)
            if stands is not None and stands.device != caller.device:
                raise LinkPending(
                    "Another device waits to be linked. Approve that one first, or wait.",
                    expires_at=stands.expires_at,
                )
            if stands is not None and (stands.pop, stands.mac) == (link.pop, link.mac):
                return stands.expires_at
            if pop.root != chain.head.root:
                raise InvalidRequest("The pop names another root than the chain's: check head.")
            if is_taken(run, key.kid):
                raise KeyConflict("This key was published before. Make a new key pair.", n=0)
            run(_CLEAR, uid=caller.uid, now=now)
            run(
                _KEEP,
                uid=caller.uid,
                device=link.device,
                pop=link.pop,
                encryption_key=link.encryption_key,
                mac=link.mac,
                expires_at=link.expires_at,
            )
            return link.expires_at

        return await self.pool.transaction(work)

    async def waiting(self, uid: str, now: float) -> Link | None:
        return _link(await self.pool.run(_FIND, uid=uid, now=now))

    async def grant(
        self, caller: Caller, statement: AddedDevice, mac: str, now: float, *, until: int
    ) -> Head:
        def work(run: Run) -> Head:
            chain = lock(run, caller.uid)
            if is_stored(run, statement):
                return chain.require_active(caller.device)
            chain.require_next(statement, now)
            link = _find(run, caller.uid, now)
            if link is None:
                raise NotFound("No device waits to be linked. Let it ask again.")
            if statement.pop.compact != link.pop:
                raise InvalidRequest("The statement must carry the pop of the request, unchanged.")
            head = append(run, chain, statement, now)
            activate(run, caller.uid, link.device, now)
            keep_key(run, stored_encryption_key(link.encryption_key))
            run(_GRANT, uid=caller.uid, device=link.device, mac=mac, until=until)
            run(_FORGET_WISH, uid=caller.uid, device=link.device)
            audit(run, caller.uid, "device-added", now, device=link.device, session=caller.session)
            return head

        return await self.pool.transaction(work)

    async def joining(self, caller: Caller, now: float) -> Joining | None:
        rows = await self.pool.run(
            _JOINING, session=caller.session, uid=caller.uid, device=caller.device, now=now
        )
        if not rows:
            return None
        state, mac, root, seq, head_hash, statements, asked = rows[0]
        if state == "pending" and asked:
            return Joining(state="waiting")
        if state != "active" or mac is None:
            return Joining(state="gone")
        head = Head(uid=caller.uid, root=root, seq=seq, hash=head_hash)
        return Joining(state="granted", mac=mac, head=head, statements=tuple(statements))


def _find(run: Run, uid: str, now: float) -> Link | None:
    return _link(run(_FIND, uid=uid, now=now))


def _link(rows: Rows) -> Link | None:
    if not rows:
        return None
    ((device, pop, encryption_key, mac, expires_at),) = rows
    return Link(device=device, pop=pop, encryption_key=encryption_key, mac=mac, expires_at=expires_at)
