"""Linking a device: it asks, an active device grants, and each knows the other by a secret that the service never sees."""

from dataclasses import dataclass

from common.clock import Clock
from common.errors import InvalidRequest, Unauthenticated
from common.identity import Caller, Head
from common.jose import RsaKey, digest
from common.keys.chain import require_fresh
from common.keys.encryption_keys import read_encryption_key
from common.keys.model import AddedDevice, Joining, Link, LinkGrant, LinkRequest
from common.keys.pops import read_pop
from common.keys.ports import LinkStore
from common.keys.statements import read_chain_statement

LIFETIME = 600
"""How long a request waits, and how long its grant is kept, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    store: LinkStore
    audience: str
    """The service's URL."""
    clock: Clock

    async def request(self, request: LinkRequest, caller: Caller, device_key: RsaKey) -> int:
        """Ask for the caller's pending device to be linked. Until when the request is kept, in seconds.

        Raises:
            InvalidRequest: see common.keys.pops and .encryption_keys; or the pop is not for this key.
            DeviceNotActive, KeyConflict, LinkPending: see LinkStore.request.
        """
        now = self.clock()
        pop = read_pop(request.pop, caller.uid, at=now)
        if pop.device != caller.device:
            raise InvalidRequest("The pop must be of the caller's device.")
        if pop.audience != self.audience:
            raise InvalidRequest("The pop is for another service: check aud.")
        key = read_encryption_key(request.encryption_key, caller, device_key)
        require_fresh(key, now)
        if key.n != 1 or pop.encryption_key != digest(key.compact):
            raise InvalidRequest(
                "The pop must name the device's first encryption key, and that one be sent with it."
            )
        link = Link(
            device=caller.device,
            pop=request.pop,
            encryption_key=request.encryption_key,
            mac=request.mac,
            expires_at=int(now) + LIFETIME,
        )
        return await self.store.request(caller, link, pop, key, now)

    async def waiting(self, caller: Caller) -> Link | None:
        """The request that an active device of the account can grant."""
        return await self.store.waiting(caller.uid, self.clock())

    async def grant(self, grant: LinkGrant, caller: Caller, device_key: RsaKey) -> Head:
        """Add the device that asked for it. The same statement again is answered alike.

        Raises:
            InvalidRequest: see common.keys.statements; or it is another act.
            NotFound, ChainConflict, DeviceNotActive: see LinkStore.grant.
        """
        statement = read_chain_statement(grant.statement, caller.uid, device_key)
        if not isinstance(statement, AddedDevice):
            raise InvalidRequest("A request is granted by add-device after seq 0.")
        now = self.clock()
        return await self.store.grant(caller, statement, grant.mac, now, until=int(now) + LIFETIME)

    async def joining(self, caller: Caller) -> Joining:
        """How the caller's device stands, and once it was granted, its own chain.

        Raises:
            Unauthenticated: the session has ended.
        """
        joining = await self.store.joining(caller, self.clock())
        if joining is None:
            raise Unauthenticated
        return joining
