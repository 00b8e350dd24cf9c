from dataclasses import dataclass

from common.clock import Clock
from common.errors import InvalidRequest
from common.identity import Caller
from common.jose import RsaKey
from common.keys.encryption_keys import read_encryption_key
from common.keys.ending import Ending
from common.keys.model import AddedDevice, FirstDevice, Publication, Published, Removal, Reset
from common.keys.ports import ChainStore, Readers
from common.keys.statements import read_chain_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    store: ChainStore
    readers: Readers
    ending: Ending
    clock: Clock

    async def publish(self, publication: Publication, caller: Caller, device_key: RsaKey) -> Published:
        """Publish the caller's device's statement, encryption key, or both; then its session may read.

        Where the statement ends sessions, see Ending: if that fails, nothing has changed and the call can be made again.

        Raises:
            InvalidRequest: see common.keys.statements and .encryption_keys; a device begins without its first key;
                a device is added without having asked for it.
            ChainConflict, KeyConflict, DeviceNotActive, Forbidden, ResetDelayed, RateLimited: see ChainStore.publish.
        """
        now = self.clock()
        statement = key = None
        if publication.statement is not None:
            statement = read_chain_statement(publication.statement, caller.uid, device_key)
        if publication.encryption_key is not None:
            key = read_encryption_key(publication.encryption_key, caller, device_key)
        if isinstance(statement, AddedDevice):
            raise InvalidRequest("A further device is added by granting its request to be linked.")
        if isinstance(statement, FirstDevice | Reset) and key is None:
            raise InvalidRequest("A chain begins together with the device's first encryption key.")
        if isinstance(statement, Removal | Reset):
            await self.ending.begin(caller.uid, await self.store.ending(caller, statement, now))
        published = await self.store.publish(caller, statement, key, now)
        await self.ending.finish(caller.uid, published.ended)
        if published.state == "active":
            await self.readers.admit(caller)
        return published


@dataclass(frozen=True, slots=True, kw_only=True)
class Vetoing:
    store: ChainStore
    clock: Clock

    async def veto(self, caller: Caller) -> None:
        """Let no device reset the account that wishes to now. May be repeated.

        Raises:
            DeviceNotActive: the caller's.
        """
        await self.store.veto(caller, self.clock())
