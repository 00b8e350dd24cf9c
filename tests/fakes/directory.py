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
        if chain is None:
            return None
        key = self.chains.keys.get(chain.device)
        return FoundAccount(
            head=self.chains.head(chain),
            statements=(chain.compact,) if wanted.known_seq < 0 else (),
            encryption_keys=(key.compact,) if key and key.expires_at > now else (),
        )

    def _conversation(self, query: ConversationQuery, uid: str) -> tuple[str, ...] | None:
        members, statements = self.conversations.get(query.id, (frozenset(), ()))
        return statements[query.known_seq + 1 :] if uid in members else None
