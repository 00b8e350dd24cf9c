from dataclasses import dataclass
from typing import Any, Literal

from common.errors import InvalidRequest
from common.identity import UID, DeviceState, Head
from common.jose import matching
from common.jose.rsa_key import THUMBPRINT

RESUBMITTED = 12
"""Statements in one call."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The request {"statement": JWS or null, "encryption_key": JWS or null, "proof"}; the edge checks the proof."""

    statement: str | None
    encryption_key: str | None
    proof: str

    def __post_init__(self) -> None:
        if self.statement is None and self.encryption_key is None:
            raise InvalidRequest("Publish a statement, an encryption key, or both.")


@dataclass(frozen=True, slots=True)
class Resubmission:
    """The request {"uid", "statements": [JWS]}: statements of that account, in the order of its chain."""

    uid: str
    statements: tuple[str, ...]

    def __post_init__(self) -> None:
        matching(self.uid, UID, "The uid")
        if not 1 <= len(self.statements) <= RESUBMITTED:
            raise InvalidRequest(f"Re-submit 1 to {RESUBMITTED} statements in one call.")


@dataclass(frozen=True, slots=True)
class Veto:
    """The request {"proof"}; the edge checks it."""

    proof: str


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """The request {"pop": JWS, "encryption_key": JWS, "mac": 32 bytes in base64url, "proof"}."""

    pop: str
    encryption_key: str
    mac: str
    proof: str

    def __post_init__(self) -> None:
        matching(self.mac, THUMBPRINT, "The mac")


@dataclass(frozen=True, slots=True)
class Nothing:
    """The request {}."""


@dataclass(frozen=True, slots=True)
class LinkGrant:
    """The request {"statement": JWS, "mac": 32 bytes in base64url, "proof"}."""

    statement: str
    mac: str
    proof: str

    def __post_init__(self) -> None:
        matching(self.mac, THUMBPRINT, "The mac")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement of a key chain whose form and signature are verified. What follows it says what it does."""

    uid: str
    signer: str
    """The device that signed it."""
    seq: int
    prev: str | None
    issued_at: int
    """Seconds since the epoch."""
    hash: str
    compact: str

    @property
    def position(self) -> tuple[int, str | None]:
        return self.seq, self.prev


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstDevice(Statement):
    """Seq 0: the signer begins the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pop:
    """A verified wish: the device `device` would join the chain with this root, and brings the key with this hash."""

    device: str
    modulus: str
    """The `n` of the device's signing JWK."""
    audience: str
    root: str
    encryption_key: str
    compact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedDevice(Statement):
    """The device of the pop joins."""

    pop: Pop


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal(Statement):
    device: str


@dataclass(frozen=True, slots=True)
class ShutOut:
    """Whom statements shut out."""

    devices: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    """Of those devices, whose documents may stand."""


@dataclass(frozen=True, slots=True)
class Backup:
    """The sealed backup that holds a history key's private half."""

    n: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryKey(Statement):
    """The account's history key from here on, or none."""

    kid: str | None
    backup: Backup | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Statement):
    """The signer, so far pending, becomes the account's one device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionKey:
    """A verified encryption key statement. Times are seconds since the epoch."""

    uid: str
    device: str
    n: int
    kid: str
    issued_at: int
    expires_at: int
    compact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """How the account and the caller's device stand after a publication."""

    head: Head
    state: DeviceState
    ended: tuple[str, ...] = ()
    """The sessions that the statement has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A device's request to be linked, as it is kept. `expires_at` is seconds since the epoch."""

    device: str
    pop: str
    encryption_key: str
    mac: str
    expires_at: int

    def json(self) -> dict[str, Any]:
        return {
            "pop": self.pop,
            "encryption_key": self.encryption_key,
            "mac": self.mac,
            "expires_at": self.expires_at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """How a device that asked to be linked stands."""

    state: Literal["waiting", "granted", "gone"]
    mac: str | None = None
    head: Head | None = None
    statements: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "mac": self.mac,
            "head": self.head and self.head.json(),
            "statements": list(self.statements),
        }
