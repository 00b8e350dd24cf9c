from dataclasses import dataclass

from common.clock import Clock
from common.errors import (
    Blocked,
    DeviceMismatch,
    DeviceNotActive,
    InvalidRequest,
    MessageConflict,
    NotAMember,
    RateLimited,
    Restored,
    Unauthenticated,
)
from common.identity import Caller
from common.messages.envelope import read_kids
from common.messages.model import RETENTION, Message, NewMessage, Permit, Rate, StoredMessage
from common.messages.ports import MessageLog, Permits

RATE = Rate(per_second=5, burst=60)
"""300 a minute for each account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    permits: Permits
    log: MessageLog
    clock: Clock
    rate: Rate = RATE

    async def send(self, request: NewMessage, caller: Caller) -> str:
        """Store a sealed message: one SQL statement, one Firestore commit. Returns its sent_at (RFC 3339).

        The same call again is answered as the first time; it stores nothing.

        Raises:
            InvalidRequest: the envelope is not one of the protocol, or expires_at is past or too far ahead.
            Unauthenticated, DeviceNotActive, NotAMember, Blocked, RateLimited: the caller may not send this.
            Restored: the caller's device, or the devices of another member without a key, are to publish one first.
            DeviceMismatch: the envelope is not sealed for exactly the members' active keys, and their history keys
                if it does not expire.
            MessageConflict: other bytes stand under this id.
        """
        now = self.clock()
        kids = read_kids(request.envelope)
        permit = await self.permits.check(caller, request.conversation_id, self.rate, now)
        _require(permit, caller)
        try:
            expires_at = _expiry(request, now)
            _require_published(permit, caller, now)
            await self._require_match(permit, kids, request, caller, now)
        except (InvalidRequest, Restored, DeviceMismatch):
            stored = await self.log.find(request.conversation_id, request.message_id)
            if stored is None or not _same(stored, request, caller):
                raise
            return stored.sent_at
        stored = await self.log.append(
            Message(
                id=request.message_id,
                conversation=request.conversation_id,
                members=permit.members,
                sender_uid=caller.uid,
                sender_device=caller.device,
                expires_at=expires_at,
                envelope=request.envelope,
            )
        )
        if not _same(stored, request, caller):
            raise MessageConflict("Another message stands under this id. Make a new id for a new message.")
        return stored.sent_at

    async def _require_match(
        self, permit: Permit, kids: tuple[str, ...], request: NewMessage, caller: Caller, now: float
    ) -> None:
        sealed_for = set(kids)
        others = [key for key in permit.keys if key.device != caller.device]
        active = {key.kid for key in others if key.expires_at > now}
        expired = {key.kid for key in others} - active
        if request.expires_at is None:  # what disappears goes into nobody's history
            active |= set(permit.history_kids)
        if sealed_for == active:
            return
        heads = await self.permits.heads(permit.members)
        raise DeviceMismatch(
            "The members' keys have changed. Look them up, verify them, and seal again.",
            missing=sorted(active - sealed_for),
            extra=sorted(sealed_for - active - expired),
            expired=sorted(sealed_for & expired),
            heads={uid: list(head) for uid, head in heads.items()},
        )


def _expiry(request: NewMessage, now: float) -> float:
    if request.expires_at is None:
        return now + RETENTION
    expires_at = request.expires_at / 1000
    if not now < expires_at <= now + RETENTION:
        raise InvalidRequest("expires_at must lie ahead, within 90 days.")
    return expires_at


def _require(permit: Permit, caller: Caller) -> None:
    if not permit.session_alive:
        raise Unauthenticated
    if not permit.device_active:
        raise DeviceNotActive
    if caller.uid not in permit.members:
        raise NotAMember("There is no such conversation, or the caller is not a member of it.")
    if not permit.within_rate:
        raise RateLimited("Too many messages from this account. Wait, then send again.", retry_after=1)
    if permit.blocked:
        raise Blocked("A member of this conversation does not accept messages from the caller.")


def _require_published(permit: Permit, caller: Caller, now: float) -> None:
    if permit.device_restored:
        raise Restored("The service was restored: publish an encryption key, then send.", uids=[caller.uid])
    readers = {caller.uid, *(key.uid for key in permit.keys if key.expires_at > now)}
    silent = [uid for uid in permit.restored if uid not in readers]
    if silent:
        raise Restored(
            "The service was restored: the recipient's device is to publish its key first.", uids=silent
        )


def _same(stored: StoredMessage, request: NewMessage, caller: Caller) -> bool:
    sender = (caller.uid, caller.device)
    return (stored.sender_uid, stored.sender_device) == sender and stored.envelope == request.envelope
