from collections.abc import Sequence
from dataclasses import dataclass
from json import loads

from common.identity import Caller
from common.messages.model import Permit, Rate, RecipientKey
from common.storage.postgres.statements import Statements

# The whole hot path's share of PostgreSQL: one statement, one round trip.
#
# The bucket is GCRA (ITU-T I.371): busy_until is when the account will have worked off what it has sent, at
# 1/per_second a message. A message is let through while that lies no further ahead than a whole burst. A refused one
# changes nothing, and neither does a dead session.
_CHECK = """
with moment as (
    select to_timestamp($7::double precision) as now,
        make_interval(secs => $5::double precision) as cost,
        make_interval(secs => $6::double precision) as burst
), session as (
    select device.state = 'active' as active, device.restored
    from moment, sessions session
    join devices device on device.uid = session.uid and device.id = session.device
    where session.id = $1 and session.uid = $2 and session.device = $3
      and session.revoked_at is null and session.expires_at > moment.now
), spent as (
    insert into send_limits as stored (uid, busy_until)
    select $2, moment.now + moment.cost from moment, session
    on conflict (uid) do update
        set busy_until = greatest(stored.busy_until, (select now from moment)) + (select cost from moment)
        where greatest(stored.busy_until, (select now from moment)) + (select cost from moment)
            <= (select now + burst from moment)
    returning true
), circle as (
    select uid from members where cid = $4
)
select
    (select active from session),
    (select restored from session),
    exists (select from spent),
    (select coalesce(json_agg(uid order by uid), '[]') from circle),
    exists (select from blocks where uid in (select uid from circle) and blocked_uid = $2),
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
_HEADS = "select uid, head_seq, head_hash from accounts where uid = any($1::text[]) and root is not null"


@dataclass(frozen=True, slots=True)
class PostgresPermits:
    statements: Statements

    async def check(self, caller: Caller, conversation: str, rate: Rate, now: float) -> Permit:
        (
            (active, restored, spent, members, blocked, keys, silent, history_kids),
        ) = await self.statements.run(
            _CHECK,
            caller.session,
            caller.uid,
            caller.device,
            conversation,
            1 / rate.per_second,
            rate.burst / rate.per_second,
            now,
        )
        return Permit(
            session_alive=active is not None,
            device_active=bool(active),
            device_restored=bool(restored),
            within_rate=spent,
            members=tuple(loads(members)),
            blocked=blocked,
            keys=tuple(
                RecipientKey(kid=kid, uid=uid, device=device, expires_at=float(expires_at))
                for kid, uid, device, expires_at in loads(keys)
            ),
            restored=tuple(loads(silent)),
            history_kids=tuple(loads(history_kids)),
        )

    async def heads(self, uids: Sequence[str]) -> dict[str, tuple[int, str]]:
        rows = await self.statements.run(_HEADS, list(uids))
        return {uid: (seq, head_hash) for uid, seq, head_hash in rows}
