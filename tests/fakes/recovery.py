from dataclasses import dataclass, field

from common.errors import BackupConflict
from common.identity import Caller
from common.recovery.model import KEPT, Backup


@dataclass
class FakeBackupStore:
    backups: dict[str, dict[int, Backup]] = field(default_factory=dict)
    """uid -> n -> backup"""
    announced: dict[str, int] = field(default_factory=dict)
    """uid -> n of the backup that was announced last"""
    acts: list[tuple[str, str]] = field(default_factory=list)

    async def save(self, backup: Backup, caller: Caller, now: float) -> None:
        assert now > 0
        kept = self.backups.setdefault(caller.uid, {})
        if kept.get(backup.n) == backup:
            return
        newest = max(kept, default=0)
        if backup.n != newest + 1:
            raise BackupConflict("The backup does not follow.", n=newest)
        kept[backup.n] = backup
        for n in [n for n in kept if n <= backup.n - KEPT and n != self.announced.get(caller.uid)]:
            del kept[n]
        self.acts.append((caller.uid, "key-backup-saved"))

    async def read(self, n: int, caller: Caller, now: float) -> Backup | None:
        assert now > 0
        backup = self.backups.get(caller.uid, {}).get(n)
        if backup:
            self.acts.append((caller.uid, "key-backup-read"))
        return backup
