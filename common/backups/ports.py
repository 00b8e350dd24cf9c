"""What a backup needs of the world. Every method may raise Unavailable or DeadlineExceeded: ask again later.

Names of objects are paths below the archive's root: 2026-11-22/begun.json.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from common.backups.model import Object, Progress


class Archive(Protocol):
    """Where backups stand. Objects are created and read; nothing is ever replaced or removed."""

    async def names(self) -> Sequence[str]:
        """The names of all backups, the oldest first, whatever their state."""

    async def read(self, name: str) -> bytes | None:
        """A small object's content; None if there is no such object."""

    async def create(self, name: str, content: bytes) -> bool:
        """Make an object, whole or not at all. False: one stands there already, and stays."""

    async def objects(self, prefix: str) -> Sequence[Object]:
        """Those whose names begin so, by name, with their names below the archive's root."""

    def open(self, name: str) -> AsyncIterator[bytes]:
        """An object's content in pieces.

        Raises:
            BackupRefused: there is no such object.
        """


class Documents(Protocol):
    """Firestore's documents."""

    async def start(self, place: str, at: float) -> str:
        """Begin to export them, as they were at `at` or later, below `place` in the archive. Gives the operation's id.

        Raises:
            ExportRefused: it cannot be begun, and no later try would change that.
        """

    async def look(self, operation: str) -> Progress:
        """How far it is.

        Raises:
            ExportRefused: nobody will ever be told.
        """


class Relations(Protocol):
    """PostgreSQL's relations."""

    async def start(self, place: str) -> str:
        """Begin to export them, as they are from now on, as the object `place` of the archive. Gives the operation's id.

        Raises:
            ExportRefused: as of documents.
        """

    async def look(self, operation: str) -> Progress:
        """As of documents."""
