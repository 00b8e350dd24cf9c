from collections.abc import Sequence
from dataclasses import dataclass, field

from common.directory.model import ConversationQuery, Found, FoundAccount, Wanted
from common.identity import Caller
from tests.fakes.keys import FakeChainStore


@dataclass
class FakeDirectoryStore:
    chains: FakeChainStore
    addresses: dict[bytes, str] = field(default_factory=dict)
    conversations: dict[str, tuple[frozenset[str], tuple[str, ...]]] = field(default_factory=dict)

    async def find(
        self,
        accounts: Sequence[Wanted],
        conversations: Sequence[ConversationQuery],
        *,
        caller: Caller,
        now: float,
    ) -> Found:
        return Found(
            accounts=tuple(self._account(wanted, now) for wanted in accounts),
            conversations=tuple(self._conversation(query, caller.uid) for query in conversations),
        )

    def _account(self, wanted: Wanted, now: float) -> FoundAccount | None:
        uid = wanted.uid if wanted.index is None else self.addresses.get(wanted.index)
        chain = self.chains.chains.get(uid or "")
        if chain is None or uid is None:
            return None
        keys = [key for key in self.chains.keys.values() if key.uid == uid and key.expires_at > now]
        return FoundAccount(
            head=self.chains.sessions.heads[uid],
            statements=tuple(statement.compact for statement in chain[wanted.known_seq + 1 :]),
            encryption_keys=tuple(key.compact for key in sorted(keys, key=lambda key: key.kid)),
        )

    def _conversation(self, query: ConversationQuery, uid: str) -> tuple[str, ...] | None:
        members, statements = self.conversations.get(query.id, (frozenset(), ()))
        return statements[query.known_seq + 1 :] if uid in members else None
