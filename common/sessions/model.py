import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidRequest
from common.identity import SESSION_ID, Address, DeviceState, Head
from common.jose import SIGNING, RsaKey, matching

_CODE = re.compile(r"[A-Za-z0-9_-]{16,512}")
_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")
_NAME = 64
_BREAKING = {"Cc", "Zl", "Zp"}
"""Unicode's categories of control characters, and of what ends a line or a paragraph."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """The request {"email", "code", "device": signing JWK, "proof"}."""

    email: str
    code: str
    device: dict[str, Any]
    proof: str

    @property
    def address(self) -> Address:
        return Address(self.email)

    def __post_init__(self) -> None:
        _ = self.address
        matching(self.code, _CODE, "The code")


@dataclass(frozen=True, slots=True)
class Renewal:
    """The request {"refresh_token", "proof"}."""

    refresh_token: str
    proof: str

    def __post_init__(self) -> None:
        matching(self.refresh_token, _REFRESH_TOKEN, "The refresh token")

    @property
    def session_id(self) -> str:
        """A refresh token begins with its session's id, so that one rotated long ago is still known for what it is."""
        return self.refresh_token.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Ending:
    """The request {"session_id", "proof"}; the edge checks the proof."""

    session_id: str
    proof: str

    def __post_init__(self) -> None:
        matching(self.session_id, SESSION_ID, "The session id")


@dataclass(frozen=True, slots=True)
class EndingOfAll:
    """The request {"proof"}; the edge checks it."""

    proof: str


@dataclass(frozen=True, slots=True)
class Paging:
    """The request {"cursor": null or the one that the page before ended with}."""

    cursor: str | None

    def __post_init__(self) -> None:
        if self.cursor is not None:
            matching(self.cursor, SESSION_ID, "The cursor")


@dataclass(frozen=True, slots=True)
class Naming:
    """The request {"session_id", "name": null or 1 to 64 characters that can stand in one line}."""

    session_id: str
    name: str | None

    def __post_init__(self) -> None:
        matching(self.session_id, SESSION_ID, "The session id")
        if self.name is None:
            return
        if not 1 <= len(self.name) <= _NAME:
            raise InvalidRequest(f"A session's name has 1 to {_NAME} characters.")
        if any(unicodedata.category(character) in _BREAKING for character in self.name):
            raise InvalidRequest("A session's name has no control characters and stands in one line.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSession:
    """A living session as its person sees it. Times are seconds since the epoch."""

    id: str
    device: str
    name: str | None
    created_at: float
    seen_at: float
    """When it was begun or last renewed."""
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """Some of an account's living sessions, newest first."""

    sessions: tuple[ListedSession, ...]
    current: str
    """The caller's own session."""
    cursor: str | None
    """None if there are no more."""

    def json(self) -> dict[str, Any]:
        return {
            "sessions": [
                {
                    "session_id": session.id,
                    "device": session.device,
                    "name": session.name,
                    "created_at": int(session.created_at),
                    "seen_at": int(session.seen_at),
                    "expires_at": int(session.expires_at),
                    "current": session.id == self.current,
                }
                for session in self.sessions
            ],
            "cursor": self.cursor,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReset:
    """A device's wish to reset the account, which other devices may veto until it is due. Seconds since the epoch."""

    device: str
    requested_at: float
    due_at: float

    def json(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "requested_at": int(self.requested_at),
            "due_at": int(self.due_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session as the store keeps it; tokens stand there as hashes. Times are seconds since the epoch."""

    id: str
    uid: str
    device: str
    refresh_hash: str
    expires_at: float
    previous_hash: str | None = None
    rotation_proof: str | None = None
    """Hash of the proof that came with the rotation."""
    rotated_at: float | None = None
    restored: bool = False
    """It comes from a backup: its refresh token may have been rotated since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the device of a live session stands in its account."""

    modulus: str
    """The `n` of its signing JWK."""
    state: DeviceState
    head: Head | None
    expires_at: float
    """When the session ends unless it is renewed."""
    restored: bool = False
    """The device comes from a backup and has not published an encryption key since."""
    pending_reset: PendingReset | None = None
    """Of the account, where the store was asked for it."""

    @property
    def key(self) -> RsaKey:
        """The device's signing key."""
        alg, use = SIGNING
        return RsaKey(n=self.modulus, alg=alg, use=use)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a client gets when a session begins or is renewed."""

    uid: str
    session: str
    device: str
    state: DeviceState
    head: Head | None
    access_token: str
    expires_in: int
    """Seconds."""
    refresh_token: str
    restored: bool
    """The device is to publish an encryption key: the one that the service has may be an old one."""
    custom_token: str | None
    """None until the device is active: before that it may read nothing."""
    pending_reset: PendingReset | None
    """Told to active devices, which may veto it, and to the device whose wish it is."""

    def json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "session_id": self.session,
            "device": {"id": self.device, "state": self.state, "restored": self.restored},
            "head": self.head.json() if self.head else None,
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "refresh_token": self.refresh_token,
            "pending_reset": self.pending_reset.json() if self.pending_reset else None,
        }
