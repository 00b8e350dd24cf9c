"""What key publishing and linking need of the world. Every method may raise Unavailable or DeadlineExceeded."""

from collections.abc import Sequence
from typing import Protocol

from common.identity import Caller, Head
from common.keys.model import AddedDevice, EncryptionKey, Joining, Link, Pop, Published, ShutOut, Statement


class ChainStore(Protocol):
    """Chains and encryption keys, in PostgreSQL. What follows in a chain is judged as common.keys.chain says."""

    async def publish(
        self, caller: Caller, statement: Statement | None, key: EncryptionKey | None, now: float
    ) -> Published:
        """Append the statement with all that it brings about, and supersede the device's key, in one transaction.

        Publishing again what was published once changes nothing and is answered alike.

        Raises:
            ChainConflict, DeviceNotActive, InvalidRequest: see Chain.require_next.
            KeyConflict: the key's n is not the current one plus one (after a restore: is not above it), or its kid is taken.
            Forbidden, ResetDelayed: see common.keys.resets; the wish is kept.
            RateLimited: see require_pace.
        """

    async def ending(self, caller: Caller, statement: Statement, now: float) -> ShutOut:
        """Whom the statement shuts out once it stands in the chain, where it may follow or stands already.

        Raises:
            ChainConflict, DeviceNotActive, InvalidRequest, Forbidden, ResetDelayed: as publish.
        """

    async def veto(self, caller: Caller, now: float) -> None:
        """Delete the wish to reset the account, if there is one.

        Raises:
            DeviceNotActive
        """


class ResubmissionStore(Protocol):
    """Chains, in PostgreSQL, and what a restore has lost of them."""

    async def signing_keys(self, caller: Caller, uid: str, now: float) -> dict[str, str]:
        """The `n` of the signing JWK of each device that the account is known to have or have had; none of no account.

        Raises:
            Unauthenticated: the caller's session has ended.
            DeviceNotActive: the caller's device is not active, and the account another one; or it was removed.
        """

    async def append(self, caller: Caller, statements: Sequence[Statement], now: float) -> Head:
        """Append those of one account's statements that its chain lacks, with all that they bring about, or none.

        A device that comes back so has no encryption key until it publishes one. The account's audit gets one line.

        Raises:
            ChainConflict, DeviceNotActive, InvalidRequest: see Chain.require_resubmitted.
            Forbidden: a device that was removed after the backup has signed one, and another account brings it. Whoever
                holds such a device could still sign for the time that was lost.
        """

    async def ending(self, caller: Caller, statements: Sequence[Statement], now: float) -> ShutOut:
        """Whom `append` would shut out.

        Raises:
            ChainConflict, DeviceNotActive, Forbidden, InvalidRequest: as append.
        """


class LinkStore(Protocol):
    """Requests to be linked, one an account, in PostgreSQL. One is kept until it expires or its device's sessions end."""

    async def request(self, caller: Caller, link: Link, pop: Pop, key: EncryptionKey, now: float) -> int:
        """Keep the request of the caller's device. Until when it is kept: the same again is answered alike.

        Raises:
            InvalidRequest: the account has no chain, another root, or the device is active already.
            DeviceNotActive: the device was removed.
            KeyConflict: the key's kid is taken.
            LinkPending: another device's request is kept.
        """

    async def waiting(self, uid: str, now: float) -> Link | None:
        """The request that can be granted now."""

    async def grant(
        self, caller: Caller, statement: AddedDevice, mac: str, now: float, *, until: int
    ) -> Head:
        """Append the statement, with the device's first encryption key, and keep the MAC for the device until then.

        The same statement again changes nothing and is answered alike.

        Raises:
            NotFound: there is no request that can be granted.
            ChainConflict, DeviceNotActive, InvalidRequest: see Chain.require_next; or it is not what was asked for.
        """

    async def joining(self, caller: Caller, now: float) -> Joining | None:
        """How the caller's device stands; None if the session has ended."""


class Readers(Protocol):
    async def admit(self, caller: Caller) -> object:
        """Let the session read now that its device is active (common.sessions.Admission)."""


class Revoked(Protocol):
    """The list of what was ended, which no backup takes back."""

    async def note_devices(self, *devices: str) -> None: ...

    async def note_sessions(self, *sessions: str) -> None: ...


class Documents(Protocol):
    """The documents of sessions, in Firestore: a session reads while its own stands."""

    async def delete(self, uid: str, *sessions: str) -> None: ...
