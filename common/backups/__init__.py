"""The daily backup: both databases, and a manifest that is written once all of it is known to stand there."""

from common.backups.model import BackupRefused, Manifest, Outcome
from common.backups.service import Backups

__all__ = ["BackupRefused", "Backups", "Manifest", "Outcome"]
