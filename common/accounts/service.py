from dataclasses import dataclass

from common.accounts.ports import Mailer, Users
from common.clock import Clock
from common.identity import Address, IndexKey
from common.quotas import Quota, Quotas

_HOUR = 3_600
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    users: Users
    mailer: Mailer
    quotas: Quotas
    index_key: IndexKey
    link_page: str
    """The URL of the page that shows the code; the code is appended as its fragment."""
    clock: Clock

    async def mail_link(self, address: Address, network: str) -> None:
        """Mail a sign-in link to `address`, unless the address or the network has had enough of them.

        A new and a known address take the same calls in the same order, so that the wire tells nobody which it is.
        A user whom somebody else made with a password, and whose address was never proved, makes way for the owner.
        """
        if not await self._admitted(address, network):
            return
        user = await self.users.find(address)
        if user is not None and user.squatting:
            await self.users.delete(user.uid)
        await self.users.create(address)
        code = await self.users.link_code(address)
        await self.mailer.send_link(address, f"{self.link_page}#{code}")

    async def _admitted(self, address: Address, network: str) -> bool:
        """The network is asked first, so that one past its limit leaves no trace of the addresses that it tries."""
        now = self.clock()
        all_of_them = self.index_key.subject("network", network, now)
        if not await self.quotas.admit((Quota(subject=all_of_them, seconds=_HOUR, most=20),), now):
            return False
        one = self.index_key.subject("address", address.text, now)
        return await self.quotas.admit(
            (Quota(subject=one, seconds=_HOUR, most=3), Quota(subject=one, seconds=_DAY, most=10)), now
        )
