from dataclasses import dataclass, field

from common.errors import ChainConflict, DeviceNotActive, KeyConflict
from common.identity import Caller, Head
from common.keys.model import EncryptionKey, FirstDevice


@dataclass
class FakeChainStore:
    chains: dict[str, FirstDevice] = field(default_factory=dict)
    keys: dict[str, EncryptionKey] = field(default_factory=dict)
    """device -> its current key"""

    async def publish(
        self, uid: str, device: str, first: FirstDevice | None, key: EncryptionKey | None, now: float
    ) -> Head:
        assert now > 0
        stands = self.chains.get(uid)
        if first and stands and stands.hash != first.hash:
            raise ChainConflict("The chain has begun.", head=self.head(stands).json())
        chain = stands or first
        if chain is None or chain.device != device:
            raise DeviceNotActive("The device is not active.")
        if key:
            current = self.keys.get(device)
            if current is None or current.compact != key.compact:
                if key.n != (current.n if current else 0) + 1 or any(
                    key.kid == k.kid for k in self.keys.values()
                ):
                    raise KeyConflict("The key does not follow.", n=current.n if current else 0)
                self.keys[device] = key
        self.chains[uid] = chain
        return self.head(chain)

    def head(self, chain: FirstDevice) -> Head:
        return Head(uid=chain.uid, root=chain.hash, seq=0, hash=chain.hash)


@dataclass
class FakeReaders:
    admitted: list[Caller] = field(default_factory=list)

    async def admit(self, caller: Caller) -> None:
        self.admitted.append(caller)
