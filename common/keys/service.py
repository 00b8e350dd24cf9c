from dataclasses import dataclass

from common.clock import Clock
from common.errors import InvalidRequest
from common.identity import Caller, Head
from common.jose import RsaKey
from common.keys.model import Publication
from common.keys.ports import ChainStore, Readers
from common.keys.statements import read_encryption_key, read_first_device


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    store: ChainStore
    readers: Readers
    clock: Clock

    async def publish(self, publication: Publication, caller: Caller, device_key: RsaKey) -> Head:
        """Publish the caller's device's statement, encryption key, or both; then its session may read.

        Raises:
            InvalidRequest: see common.keys.statements; or seq 0 comes without its first encryption key.
            ChainConflict, KeyConflict, DeviceNotActive: see ChainStore.publish.
        """
        now = self.clock()
        first = key = None
        if publication.statement is not None:
            first = read_first_device(publication.statement, caller, now)
            if publication.encryption_key is None:
                raise InvalidRequest("A chain begins together with the device's first encryption key.")
        if publication.encryption_key is not None:
            key = read_encryption_key(publication.encryption_key, caller, device_key, now)
        head = await self.store.publish(caller.uid, caller.device, first, key, now)
        await self.readers.admit(caller)
        return head
