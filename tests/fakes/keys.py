from collections.abc import Sequence
from dataclasses import dataclass, field

from common.errors import ChainConflict, DeviceNotActive, KeyConflict
from common.identity import Caller, Head
from common.keys.model import ConversationQuery, EncryptionKey, FirstDevice, Found, FoundAccount, Wanted


@dataclass
class FakeKeyStore:
    chains: dict[str, FirstDevice] = field(default_factory=dict)
    keys: dict[str, EncryptionKey] = field(default_factory=dict)
    """device -> its current key"""
    addresses: dict[bytes, str] = field(default_factory=dict)
    conversations: dict[str, tuple[frozenset[str], tuple[str, ...]]] = field(default_factory=dict)

    async def publish(
        self, uid: str, device: str, first: FirstDevice | None, key: EncryptionKey, now: float
    ) -> Head:
        assert now > 0
        stands = self.chains.get(uid)
        if first and stands and stands.hash != first.hash:
            raise ChainConflict("The chain has begun.", head=self._head(stands).json())
        chain = stands or first
        if chain is None or chain.device != device:
            raise DeviceNotActive("The device is not active.")
        current = self.keys.get(device)
        if current is None or current.compact != key.compact:
            if key.n != (current.n if current else 0) + 1 or any(
                key.kid == k.kid for k in self.keys.values()
            ):
                raise KeyConflict("The key does not follow.", n=current.n if current else 0)
            self.keys[device] = key
        self.chains[uid] = chain
        return self._head(chain)

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
        chain = self.chains.get(uid or "")
        if chain is None:
            return None
        key = self.keys.get(chain.device)
        return FoundAccount(
            head=self._head(chain),
            statements=(chain.compact,) if wanted.known_seq < 0 else (),
            encryption_keys=(key.compact,) if key and key.expires_at > now else (),
        )

    def _conversation(self, query: ConversationQuery, uid: str) -> tuple[str, ...] | None:
        members, statements = self.conversations.get(query.id, (frozenset(), ()))
        return statements[query.known_seq + 1 :] if uid in members else None

    def _head(self, chain: FirstDevice) -> Head:
        return Head(uid=chain.uid, root=chain.hash, seq=0, hash=chain.hash)


@dataclass
class FakeReaders:
    admitted: list[Caller] = field(default_factory=list)

    async def admit(self, caller: Caller) -> None:
        self.admitted.append(caller)
