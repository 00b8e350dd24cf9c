from collections.abc import Sequence
from dataclasses import dataclass, field

from common.identity import Caller
from common.messages.model import Message, Permit, Rate, StoredMessage


@dataclass
class FakePermits:
    permit: Permit
    current_heads: dict[str, tuple[int, str]] = field(default_factory=dict)

    async def check(self, caller: Caller, conversation: str, rate: Rate, now: float) -> Permit:
        assert caller.uid
        assert conversation
        assert rate.burst
        assert now > 0
        return self.permit

    async def heads(self, uids: Sequence[str]) -> dict[str, tuple[int, str]]:
        return {uid: self.current_heads[uid] for uid in uids if uid in self.current_heads}


@dataclass
class FakeMessageLog:
    messages: dict[tuple[str, str], StoredMessage] = field(default_factory=dict)
    expiries: list[float] = field(default_factory=list)
    members: list[tuple[str, ...]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def append(self, message: Message) -> StoredMessage:
        self.calls.append("append")
        self.expiries.append(message.expires_at)
        self.members.append(message.members)
        at = f"2026-11-22T12:00:00.{len(self.messages):06}Z"
        stored = StoredMessage(
            sender_uid=message.sender_uid,
            sender_device=message.sender_device,
            envelope=message.envelope,
            sent_at=at,
        )
        return self.messages.setdefault((message.conversation, message.id), stored)

    async def find(self, conversation: str, message_id: str) -> StoredMessage | None:
        self.calls.append("find")
        return self.messages.get((conversation, message_id))
