"""What conversations need of the world. Every method may raise Unavailable or DeadlineExceeded."""

from collections.abc import Sequence
from typing import Protocol

from common.conversations.model import Creation, Kind, Started


class ConversationStore(Protocol):
    """Conversations and members, in PostgreSQL."""

    async def signing_key(self, uid: str, device: str) -> str | None:
        """The `n` of the signing JWK of a device that the account has or had."""

    async def create(self, creation: Creation, caller: str, now: float) -> Started:
        """Create the conversation for a member of it in one transaction, or return the one that stands there.

        Raises:
            InvalidRequest: the creator's chain has no such head.
            NotFound: the other member has no account with a published chain, or is not to be discovered by the caller.
        """


class LiveConversations(Protocol):
    """conversations/{cid} in Firestore, which clients list."""

    async def put(self, conversation: str, kind: Kind, members: Sequence[str]) -> None:
        """Make the document if there is none; leave one that stands there as it is."""

    async def touch(self, conversation: str, at: int) -> bool:
        """Raise last_message_at to `at` (ms) if it is lower, in one write; False if there is no such document."""
