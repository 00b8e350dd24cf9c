"""What looking up needs of the world. Every method may raise Unavailable or DeadlineExceeded."""

from collections.abc import Sequence
from typing import Protocol

from common.directory.model import ConversationQuery, Found, Wanted
from common.identity import Caller


class DirectoryStore(Protocol):
    """What accounts and conversations have published, in PostgreSQL."""

    async def find(
        self,
        accounts: Sequence[Wanted],
        conversations: Sequence[ConversationQuery],
        *,
        caller: Caller,
        now: float,
    ) -> Found:
        """Answer all queries in one statement. A conversation answers its members only."""
