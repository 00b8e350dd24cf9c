from collections.abc import Sequence
from dataclasses import dataclass, field

from common.directory.model import NEW_ADDRESSES, ConversationQuery, Found, FoundAccount, Wanted
from common.errors import RateLimited
from common.identity import Caller
from tests.fakes.keys import FakeChainStore


@dataclass
class FakeDirectoryStore:
    chains: FakeChainStore
    addresses: dict[bytes, str] = field(default_factory=dict)
    conversations: dict[str, tuple[frozenset[str], tuple[str, ...]]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    """Accounts that strangers do not find."""
    counted: dict[tuple[str, int], set[bytes]] = field(default_factory=dict)
    """(uid, day) -> the strangers' addresses that it has looked up"""
    acts: list[tuple[str, str]] = field(default_factory=list)

    async def find(
        self,
        accounts: Sequence[Wanted],
        conversations: Sequence[ConversationQuery],
        *,
        caller: Caller,
        now: float,
    ) -> Found:
        counted = self.counted.setdefault((caller.uid, int(now) // 86_400), set())
        strange = {w.subject for w in accounts if w.subject and w.index and not self._knows(caller, w.index)}
        if strange and len(counted | strange) > NEW_ADDRESSES:
            raise RateLimited("Too many.", retry_after=86_400 - int(now) % 86_400)
        counted |= strange
        return Found(
            accounts=tuple(self._account(wanted, caller, now) for wanted in accounts),
            conversations=tuple(self._conversation(query, caller.uid) for query in conversations),
        )

    def _account(self, wanted: Wanted, caller: Caller, now: float) -> FoundAccount | None:
        uid = wanted.uid if wanted.index is None else self.addresses.get(wanted.index)
        chain = self.chains.chains.get(uid or "")
        if chain is None or uid is None:
            return None
        if uid in self.closed and not self._familiar(caller.uid, uid):
            return None
        keys = [key for key in self.chains.keys.values() if key.uid == uid and key.expires_at > now]
        return FoundAccount(
            head=self.chains.sessions.heads[uid],
            statements=tuple(statement.compact for statement in chain[wanted.known_seq + 1 :]),
            encryption_keys=tuple(key.compact for key in sorted(keys, key=lambda key: key.kid)),
        )

    async def set_discoverable(self, caller: Caller, *, discoverable: bool, now: float) -> None:
        assert now > 0
        if discoverable == (caller.uid in self.closed):
            self.acts.append((caller.uid, "discovery-set"))
        (self.closed.discard if discoverable else self.closed.add)(caller.uid)

    def _knows(self, caller: Caller, index: bytes) -> bool:
        return self._familiar(caller.uid, self.addresses.get(index, ""))

    def _familiar(self, one: str, other: str) -> bool:
        return one == other or any({one, other} <= members for members, _ in self.conversations.values())

    def _conversation(self, query: ConversationQuery, uid: str) -> tuple[str, ...] | None:
        members, statements = self.conversations.get(query.id, (frozenset(), ()))
        return statements[query.known_seq + 1 :] if uid in members else None
