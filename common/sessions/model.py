import re
from dataclasses import dataclass
from typing import Any, Literal

from common.identity import SESSION_ID, Address, Head
from common.jose import SIGNING, RsaKey, matching

DeviceState = Literal["pending", "active", "revoked"]

_CODE = re.compile(r"[A-Za-z0-9_-]{16,512}")
_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the device of a live session stands in its account."""

    modulus: str
    """The `n` of its signing JWK."""
    state: DeviceState
    head: Head | None
    expires_at: float
    """When the session ends unless it is renewed."""

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
    custom_token: str | None
    """None until the device is active: before that it may read nothing."""

    def json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "session_id": self.session,
            "device": {"id": self.device, "state": self.state},
            "head": self.head.json() if self.head else None,
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "refresh_token": self.refresh_token,
        }
