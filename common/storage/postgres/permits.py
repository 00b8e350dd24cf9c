from collections.abc import Sequence
from dataclasses import dataclass

from common.identity import Caller
from common.messages.model import Permit, Rate, RecipientKey
from common.storage.postgres.statements import Statements

# The whole hot path's share of PostgreSQL: one statement, one round trip.
#
# It answers nothing for a dead session, and otherwise a row for each active device of each member, with its current key
# if it has one. A member without a device has a row too, and so has a conversation that does not exist.
#
# The bucket is GCRA (ITU-T I.371): busy_until is when the account will have worked off what it has sent, at
# 1/per_second a message. A message is let through while that lies no further ahead than a whole burst. A refused one
# changes nothing, and neither does a dead session.
_CHECK = """
with session as (
    select device.state = 'active' as active, device.restored
    from sessions session
    join devices device on device.uid = session.uid and device.id = session.device
    where session.id = $1 and session.uid = $2 and session.device = $3
      and session.revoked_at is null and session.expires_at > to_timestamp($7::double precision)
), spent as (
    insert into send_limits as stored (uid, busy_until)
    select $2, to_timestamp($7) + make_interval(secs => $5::double precision) from session
    on conflict (uid) do update
        set busy_until = greatest(stored.busy_until, to_timestamp($7)) + make_interval(secs => $5)
        where greatest(stored.busy_until, to_timestamp($7)) + make_interval(secs => $5)
            <= to_timestamp($7) + make_interval(secs => $6::double precision)
    returning true
)
select session.active, session.restored, exists (select from spent), member.uid,
    exists (select from blocks where uid = member.uid and blocked_uid = $2),
    (select kid from history_keys where uid = member.uid and living),
    device.restored, key.kid, key.device, date_part('epoch', key.expires_at)
from session
left join members member on member.cid = $4
left join devices device on device.uid = member.uid and device.state = 'active'
left join encryption_keys key on key.device = device.id and key.current
"""
_HEADS = "select uid, head_seq, head_hash from accounts where uid = any($1::text[]) and root is not null"


@dataclass(frozen=True, slots=True)
class PostgresPermits:
    statements: Statements

    async def check(self, caller: Caller, conversation: str, rate: Rate, now: float) -> Permit:
        rows = await self.statements.run(
            _CHECK,
            caller.session,
            caller.uid,
            caller.device,
            conversation,
            1 / rate.per_second,
            rate.burst / rate.per_second,
            now,
        )
        active, restored, spent = rows[0][:3] if rows else (False, False, False)
        members: set[str] = set()
        silent: set[str] = set()
        history_kids: set[str] = set()
        keys: list[RecipientKey] = []
        blocked = False
        for _, _, _, uid, has_blocked, history_kid, is_restored, kid, device, expires_at in rows:
            if uid is None:
                break  # there is no such conversation
            members.add(uid)
            blocked |= has_blocked
            if history_kid:
                history_kids.add(history_kid)
            if is_restored:
                silent.add(uid)
            elif kid:
                keys.append(RecipientKey(kid=kid, uid=uid, device=device, expires_at=expires_at))
        return Permit(
            session_alive=bool(rows),
            device_active=active,
            device_restored=restored,
            within_rate=spent,
            members=tuple(sorted(members)),
            blocked=blocked,
            keys=tuple(keys),
            restored=tuple(sorted(silent)),
            history_kids=tuple(history_kids),
        )

    async def heads(self, uids: Sequence[str]) -> dict[str, tuple[int, str]]:
        rows = await self.statements.run(_HEADS, list(uids))
        return {uid: (seq, head_hash) for uid, seq, head_hash in rows}
