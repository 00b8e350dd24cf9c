from dataclasses import dataclass

from common.errors import BackupConflict
from common.identity import Caller
from common.recovery.model import KEPT, Backup
from common.storage.postgres.audit import audit
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

# The account's row is the lock under which its backups are numbered, and under which its chain names one of them.
_LOCK = "select uid from accounts where uid = :uid for no key update"
_NEWEST = "select coalesce(max(n), 0) from key_backups where uid = :uid"
_STANDS = "select hash, backup from key_backups where uid = :uid and n = :n"
_KEEP = """
insert into key_backups (uid, n, hash, backup, stored_at)
values (:uid, :n, :hash, :backup, to_timestamp(:now::double precision))
"""
_LET_GO = """
delete from key_backups
where uid = :uid and n <= :oldest::bigint
  and n is distinct from (select max(backup_n) from history_keys where uid = :uid)
"""


@dataclass(frozen=True, slots=True)
class PostgresKeyBackups:
    pool: Pool

    async def save(self, backup: Backup, caller: Caller, now: float) -> None:
        def work(run: Run) -> None:
            run(_LOCK, uid=caller.uid)
            stands = run(_STANDS, uid=caller.uid, n=backup.n)
            if stands and stands[0][0] == backup.hash:
                return
            newest: int = run(_NEWEST, uid=caller.uid)[0][0]
            if backup.n != newest + 1:
                raise BackupConflict("The backup's n must be the newest one's plus one.", n=newest)
            run(_KEEP, uid=caller.uid, n=backup.n, hash=backup.hash, backup=backup.text, now=now)
            run(_LET_GO, uid=caller.uid, oldest=backup.n - KEPT)
            audit(run, caller.uid, "key-backup-saved", now, device=caller.device, session=caller.session)

        await self.pool.transaction(work)

    async def read(self, n: int, caller: Caller, now: float) -> Backup | None:
        def work(run: Run) -> Backup | None:
            stands = run(_STANDS, uid=caller.uid, n=n)
            if not stands:
                return None
            audit(run, caller.uid, "key-backup-read", now, device=caller.device, session=caller.session)
            hash_, text = stands[0]
            return Backup(n=n, hash=hash_, text=text)

        return await self.pool.transaction(work)
