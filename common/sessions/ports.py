"""What sessions need of the world. Every method may raise Unavailable or DeadlineExceeded."""

from collections.abc import Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from common.identity import Address, Caller
from common.sessions.key_ring import KeyRing
from common.sessions.model import ListedSession, Standing, StoredSession


class Identities(Protocol):
    """Firebase Authentication, where addresses are proved."""

    async def redeem(self, address: Address, code: str) -> None:
        """Use the link's code up: its bearer reads the address's mail.

        Raises:
            InvalidCode: wrong, used, expired, or of another address.
        """

    async def create_account(self, uid: str) -> None:
        """Make the Firebase user that custom tokens sign in as: without address or password. May be repeated."""

    async def custom_token(self, caller: Caller) -> str:
        """A Firebase custom token for the uid with the claims `sid` and `device`."""


class SessionStore(Protocol):
    """The truth about sessions, in PostgreSQL."""

    async def use_proof(self, device: str, jti: str, *, expires_at: float) -> bool:
        """Remember a proof until `expires_at`; False if it was used before."""

    async def account_of(self, address_index: bytes) -> str | None:
        """The uid of the account of an address."""

    async def keep_account(self, address_index: bytes, *, uid: str, now: float) -> str:
        """Give the address the account `uid`, unless it has one already. The uid it has; the bond lasts."""

    async def open(self, session: StoredSession, *, modulus: str, now: float) -> None:
        """Keep a new session, in one transaction with its device (pending) where that is new, and its audit line.

        Raises:
            Forbidden: the device belongs to another account, or was removed after the backup that a restore brought back.
        """

    async def find(self, session: str, now: float) -> tuple[StoredSession, Standing] | None:
        """The live session of this id."""

    async def rotate(
        self, session: str, *, presented: str, successor: str, proof: str, now: float, expires_at: float
    ) -> bool:
        """Replace the refresh hash `presented` by `successor`, remembering `proof`, in one conditional statement.

        The session was seen now. Of a restored session any hash counts as the present one, and it is restored no longer.

        False if `presented` is no longer the present one.
        """

    async def has(self, uid: str, session: str) -> bool:
        """Whether this account has such a session, living or ended."""

    async def end(self, uid: str, sessions: Sequence[str], now: float) -> None:
        """End those of these sessions that are this account's and live, with their audit lines, in one transaction."""

    async def living(self, uid: str, now: float, *, after: str | None, most: int) -> list[ListedSession]:
        """The account's sessions that live, newest first, `most` at most; `after`: those that come after that one."""

    async def name(self, uid: str, session: str, name: str | None, now: float) -> bool:
        """Name a living session of this account; False if there is none."""

    async def standing(self, caller: Caller, now: float) -> Standing | None:
        """How the caller's device stands; None if the session has ended or is not the caller's."""

    async def standing_with_reset(self, caller: Caller, now: float) -> Standing | None:
        """As `standing`, with the account's pending reset, in the same statement."""


class LiveSessions(Protocol):
    """accounts/{uid}/sessions/{sid} in Firestore: the rules let a session read only while it stands there."""

    async def put(self, caller: Caller, *, expires_at: float) -> None: ...

    async def delete(self, uid: str, *sessions: str) -> None: ...


class Revoked(Protocol):
    """The list of what was ended, which no backup takes back."""

    async def note_sessions(self, *sessions: str) -> None: ...


class TokenKeys(Protocol):
    """The keys of access tokens (ES256)."""

    def signing(self) -> tuple[str, EllipticCurvePrivateKey]:
        """The current key's kid and private half."""

    def verifying(self, kid: str) -> EllipticCurvePublicKey | None:
        """The public key of `kid`; a kid that is unknown makes the source read again, once a minute at most."""

    def published(self) -> list[dict[str, str]]:
        """All public keys as JWK: the next one, the current one, the previous one."""


class TokenKeyRing(Protocol):
    """Where the keys of access tokens are kept."""

    async def read(self) -> tuple[KeyRing, str]:
        """The ring, and the version that `replace` asks for."""

    async def replace(self, version: str, ring: KeyRing) -> bool:
        """Put a ring in the place of that version; False if another one stands there by now.

        A new key is published before the current one changes, so that a fault in between leaves keys that verify more
        than they need to. Which keys sign is told last, in one step.
        """
