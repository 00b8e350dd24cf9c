from collections.abc import Sequence
from dataclasses import dataclass

from common.identity import Caller
from common.messages.model import Permit, Rate, RecipientKey
from common.storage.postgres.pool import Pool

# The whole hot path's share of PostgreSQL: one statement, one round trip.
#
# The bucket is GCRA (ITU-T I.371): busy_until is when the account will have worked off what it has sent, at
# 1/per_second a message. A message is let through while that lies no further ahead than a whole burst. A refused one
# changes nothing, and neither does a dead session.
_CHECK = """
with moment as (
    select to_timestamp(:now::double precision) as now,
        make_interval(secs => :cost::double precision) as cost,
        make_interval(secs => :burst::double precision) as burst
), session as (
    select device.state = 'active' as active, device.restored
    from moment, sessions session
    join devices device on device.uid = session.uid and device.id = session.device
    where session.id = :session and session.uid = :uid and session.device = :device
      and session.revoked_at is null and session.expires_at > moment.now
), spent as (
    insert into send_limits as stored (uid, busy_until)
    select :uid, moment.now + moment.cost from moment, session
    on conflict (uid) do update
        set busy_until = greatest(stored.busy_until, (select now from moment)) + (select cost from moment)
        where greatest(stored.busy_until, (select now from moment)) + (select cost from moment)
            <= (select now + burst from moment)
    returning true
), circle as (
    select uid from members where cid = :cid
)
select
    (select active from session),
    (select restored from session),
    exists (select from spent),
    (select coalesce(json_agg(uid order by uid), '[]') from circle),
    exists (select from blocks where uid in (select uid from circle) and blocked_uid = :uid),
    (select coalesce(json_agg(json_build_array(key.kid, key.uid, key.device,
                                               extract(epoch from key.expires_at))), '[]')
     from circle
     join encryption_keys key on key.uid = circle.uid and key.current
     join devices device on device.id = key.device and device.state = 'active' and not device.restored),
    (select coalesce(json_agg(uid order by uid), '[]') from circle
     where exists (select from devices device
                   where device.uid = circle.uid and device.state = 'active' and device.restored)),
    (select coalesce(json_agg(history.kid), '[]')
     from circle join history_keys history on history.uid = circle.uid and history.living)
"""
_HEADS = "select uid, head_seq, head_hash from accounts where uid = any(:uids::text[]) and root is not null"


@dataclass(frozen=True, slots=True)
class PostgresPermits:
    pool: Pool

    async def check(self, caller: Caller, conversation: str, rate: Rate, now: float) -> Permit:
        rows = await self.pool.run(
            _CHECK,
            session=caller.session,
            uid=caller.uid,
            device=caller.device,
            cid=conversation,
            cost=1 / rate.per_second,
            burst=rate.burst / rate.per_second,
            now=now,
        )
        active, restored, spent, members, blocked, keys, restored_members, history_kids = rows[0]
        return Permit(
            session_alive=active is not None,
            device_active=bool(active),
            device_restored=bool(restored),
            within_rate=spent,
            members=tuple(members),
            blocked=blocked,
            keys=tuple(
                RecipientKey(kid=kid, uid=uid, device=device, expires_at=float(expires_at))
                for kid, uid, device, expires_at in keys
            ),
            restored=tuple(restored_members),
            history_kids=tuple(history_kids),
        )

    async def heads(self, uids: Sequence[str]) -> dict[str, tuple[int, str]]:
        rows = await self.pool.run(_HEADS, uids=list(uids))
        return {uid: (seq, head_hash) for uid, seq, head_hash in rows}
