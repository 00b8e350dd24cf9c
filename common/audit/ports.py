"""What the audit log needs of the world. Every method may raise Unavailable or DeadlineExceeded."""

from typing import Protocol

from common.audit.model import Entry


class AuditLog(Protocol):
    """The lines of all accounts, in PostgreSQL."""

    async def read(self, uid: str, *, before: int | None, most: int) -> list[Entry]:
        """The account's lines, newest first, `most` at most; `before`: those older than the line of that id."""
