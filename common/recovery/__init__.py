"""Recovery: sealed backups of an account's history keys, which the service keeps and cannot open."""

from common.recovery.model import BackupQuery, NewBackup
from common.recovery.service import Recovery

__all__ = ["BackupQuery", "NewBackup", "Recovery"]
