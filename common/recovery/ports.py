"""What recovery needs of the world. Every method may raise Unavailable or DeadlineExceeded."""

from typing import Protocol

from common.identity import Caller
from common.recovery.model import Backup


class BackupStore(Protocol):
    """The newest sealed backups of each account, in PostgreSQL."""

    async def save(self, backup: Backup, caller: Caller, now: float) -> None:
        """Keep the account's next backup, with its audit line, and let go of those that are too old, in one transaction.

        Those that stay are the newest KEPT, and the one that the chain names last, also when its key has ended. The same backup again
        changes nothing.

        Raises:
            BackupConflict: another backup has this number, or the newest one's is not the one before.
        """

    async def read(self, n: int, caller: Caller, now: float) -> Backup | None:
        """The account's backup of this number, its reading noted in the audit log in one transaction."""
