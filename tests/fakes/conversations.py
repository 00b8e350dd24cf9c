from collections.abc import Sequence
from dataclasses import dataclass, field

from common.conversations.model import Creation, Kind, Started
from common.errors import InvalidRequest, NotFound


@dataclass
class FakeConversationStore:
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    """uid -> (seq, hash): the accounts with a published chain"""
    conversations: dict[str, Creation] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    """Accounts that strangers do not find."""
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    """(uid, device) -> modulus"""

    async def signing_key(self, uid: str, device: str) -> str | None:
        return self.keys.get((uid, device))

    async def create(self, creation: Creation, caller: str, now: float) -> Started:
        assert now > 0
        if self.heads.get(creation.creator) != creation.creator_head:
            raise InvalidRequest("The chain has no such head.")
        if any(uid not in self.heads for uid in creation.members):
            raise NotFound("No such account.")
        if any(uid in self.closed and not self.familiar(caller, uid) for uid in creation.members):
            raise NotFound("No such account.")
        created = creation.id not in self.conversations
        stands = self.conversations.setdefault(creation.id, creation)
        return Started(id=stands.id, statements=(stands.compact,), created=created)

    def familiar(self, one: str, other: str) -> bool:
        """Whether they are the same account, or share a conversation."""
        return one == other or any({one, other} <= set(c.members) for c in self.conversations.values())


@dataclass
class FakeLiveConversations:
    documents: dict[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)

    async def put(self, conversation: str, kind: Kind, members: Sequence[str]) -> None:
        self.kinds.setdefault(conversation, kind)
        self.documents.setdefault(conversation, (tuple(members), 0))

    async def touch(self, conversation: str, at: int) -> bool:
        if conversation not in self.documents:
            return False
        members, before = self.documents[conversation]
        self.documents[conversation] = (members, max(before, at))
        return True
