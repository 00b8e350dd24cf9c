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
        """Answer all queries in one statement, and count the addresses of strangers in one more where some are asked for.

        A conversation answers its members only; an account that is closed, itself and those in a conversation with it.

        Raises:
            RateLimited: with these the caller would have looked up more than NEW_ADDRESSES today. They do not count.
        """


class VisibilityStore(Protocol):
    async def set_discoverable(self, caller: Caller, *, discoverable: bool, now: float) -> None:
        """Open the caller's account to strangers or close it, with its audit line if that is a change."""
