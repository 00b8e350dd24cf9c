"""What key publishing needs of the world. Every method may raise Unavailable or DeadlineExceeded."""

from collections.abc import Sequence
from typing import Protocol

from common.identity import Caller, Head
from common.keys.model import ConversationQuery, EncryptionKey, FirstDevice, Found, Wanted


class KeyStore(Protocol):
    """Chains and encryption keys, in PostgreSQL."""

    async def publish(
        self, uid: str, device: str, first: FirstDevice | None, key: EncryptionKey, now: float
    ) -> Head:
        """Append the statement, activate the device, and supersede its encryption key, in one transaction.

        Publishing again what stands there changes nothing and is answered alike.

        Raises:
            ChainConflict: the chain has begun with another statement.
            KeyConflict: the key's n is not the current one plus one, or its kid is taken.
            DeviceNotActive: the device is not active and `first` does not make it so.
        """

    async def find(
        self,
        accounts: Sequence[Wanted],
        conversations: Sequence[ConversationQuery],
        *,
        caller: Caller,
        now: float,
    ) -> Found:
        """Answer all queries in one statement. A conversation answers its members only."""


class Readers(Protocol):
    async def admit(self, caller: Caller) -> object:
        """Let the session read now that its device is active (common.sessions.Admission)."""
