from dataclasses import dataclass

from common.clock import Clock
from common.directory.model import AccountQuery, Found, LookUp, Visibility, Wanted
from common.directory.ports import DirectoryStore, VisibilityStore
from common.identity import Address, Caller, IndexKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    store: DirectoryStore
    index_key: IndexKey
    clock: Clock

    async def find(self, look_up: LookUp, caller: Caller) -> Found:
        """What the accounts and conversations asked for have published.

        An account that is closed to the caller is answered as one that there is not.

        Raises:
            RateLimited: see DirectoryStore.find. Nothing is answered.
        """
        now = self.clock()
        return await self.store.find(
            [self._wanted(query, caller, now) for query in look_up.accounts],
            look_up.conversations,
            caller=caller,
            now=now,
        )

    def _wanted(self, query: AccountQuery, caller: Caller, now: float) -> Wanted:
        if query.address is None:
            return Wanted(index=None, uid=query.uid, known_seq=query.known_seq)
        address = Address(query.address)
        return Wanted(
            index=self.index_key.address(address),
            uid=None,
            known_seq=query.known_seq,
            subject=self.index_key.subject("looked up", f"{caller.uid} {address.text}", now),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    store: VisibilityStore
    clock: Clock

    async def change(self, visibility: Visibility, caller: Caller) -> None:
        """Let strangers find the caller's account, or nobody but those in a conversation with it. May be repeated."""
        await self.store.set_discoverable(caller, discoverable=visibility.open, now=self.clock())
