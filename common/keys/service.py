from dataclasses import dataclass

from common.clock import Clock
from common.errors import InvalidRequest
from common.identity import Address, Caller, Head, IndexKey
from common.jose import RsaKey
from common.keys.model import AccountQuery, Found, LookUp, Publication, Wanted
from common.keys.ports import KeyStore, Readers
from common.keys.statements import read_encryption_key, read_first_device


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    store: KeyStore
    readers: Readers
    clock: Clock

    async def publish(self, publication: Publication, caller: Caller, device_key: RsaKey) -> Head:
        """Publish the caller's device's statement, encryption key, or both; then its session may read.

        Raises:
            InvalidRequest: see common.keys.statements; or seq 0 comes without its first encryption key.
            ChainConflict, KeyConflict, DeviceNotActive: see KeyStore.publish.
        """
        now = self.clock()
        first = None
        if publication.statement is not None:
            first = read_first_device(publication.statement, caller, now)
        if publication.encryption_key is None:
            raise InvalidRequest("A chain begins together with the device's first encryption key.")
        key = read_encryption_key(publication.encryption_key, caller, device_key, now)
        head = await self.store.publish(caller.uid, caller.device, first, key, now)
        await self.readers.admit(caller)
        return head


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    store: KeyStore
    index_key: IndexKey
    clock: Clock

    async def find(self, look_up: LookUp, caller: Caller) -> Found:
        """What the accounts and conversations asked for have published."""
        return await self.store.find(
            [self._wanted(query) for query in look_up.accounts],
            look_up.conversations,
            caller=caller,
            now=self.clock(),
        )

    def _wanted(self, query: AccountQuery) -> Wanted:
        index = None if query.address is None else self.index_key.address(Address(query.address))
        return Wanted(index=index, uid=query.uid, known_seq=query.known_seq)
