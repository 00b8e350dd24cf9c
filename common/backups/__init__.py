"""The daily backup: both databases and a manifest that says what was written."""

from common.backups.model import Outcome
from common.backups.service import Backups

__all__ = ["Backups", "Outcome"]
