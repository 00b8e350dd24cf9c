"""What sending needs of the world. Every method may raise Unavailable or DeadlineExceeded."""

from collections.abc import Sequence
from typing import Protocol

from common.identity import Caller
from common.messages.model import Message, Permit, Rate, StoredMessage


class Permits(Protocol):
    """Who may send what to whom, in PostgreSQL."""

    async def check(self, caller: Caller, conversation: str, rate: Rate, now: float) -> Permit:
        """Everything that decides a send, and one token taken from the account's bucket, in one statement."""

    async def heads(self, uids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """The chain heads (seq, hash) of these accounts."""


class MessageLog(Protocol):
    """conversations/{cid}/messages/{mid} in Firestore."""

    async def append(self, message: Message) -> StoredMessage:
        """Create the document in one commit, its sent_at set by the server; or read the one that stands there."""

    async def find(self, conversation: str, message_id: str) -> StoredMessage | None: ...
