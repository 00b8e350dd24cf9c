from dataclasses import dataclass

from common.clock import Clock
from common.directory.model import AccountQuery, Found, LookUp, Wanted
from common.directory.ports import DirectoryStore
from common.identity import Address, Caller, IndexKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    store: DirectoryStore
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
