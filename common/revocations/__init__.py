"""The list of sessions that were ended, devices removed and accounts erased: kept outside the backups, so that none brings them back."""

from common.revocations.service import Revocations

__all__ = ["Revocations"]
