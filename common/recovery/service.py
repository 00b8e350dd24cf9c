from dataclasses import dataclass

from common.clock import Clock
from common.errors import NotFound, RateLimited
from common.identity import Caller, IndexKey
from common.quotas import Quota, Quotas
from common.recovery.model import Backup, BackupQuery, NewBackup
from common.recovery.ports import BackupStore
from common.recovery.sealed import require_sealed

SAVED_PER_DAY = 20
READ_PER_DAY = 10
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    store: BackupStore
    quotas: Quotas
    index_key: IndexKey
    clock: Clock

    async def save(self, request: NewBackup, caller: Caller) -> Backup:
        """Keep a sealed backup of the caller's account. The same call again is answered alike.

        Raises:
            InvalidRequest: see common.recovery.sealed.
            RateLimited: the account has saved enough for today.
            BackupConflict: see BackupStore.save.
        """
        require_sealed(request.backup, caller.uid, request.n)
        now = self.clock()
        await self._require_quota("saved backups", SAVED_PER_DAY, caller, now)
        backup = Backup(n=request.n, hash=request.hash, text=request.backup)
        await self.store.save(backup, caller, now)
        return backup

    async def read(self, query: BackupQuery, caller: Caller) -> Backup:
        """A sealed backup of the caller's account. Each reading leaves a line that the person can list.

        Raises:
            RateLimited: the account has read enough for today.
            NotFound: the account has no such backup, or none any more.
        """
        now = self.clock()
        await self._require_quota("read backups", READ_PER_DAY, caller, now)
        backup = await self.store.read(query.n, caller, now)
        if backup is None:
            raise NotFound("This account has no such backup.")
        return backup

    async def _require_quota(self, kind: str, most: int, caller: Caller, now: float) -> None:
        subject = self.index_key.subject(kind, caller.uid, now)
        if not await self.quotas.admit((Quota(subject=subject, seconds=_DAY, most=most),), now):
            # The subject is another one from midnight on (UTC).
            raise RateLimited(
                "Too many backups were saved or read today.", retry_after=_DAY - int(now) % _DAY
            )
