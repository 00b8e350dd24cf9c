from dataclasses import dataclass

from common.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Publication:
    """The request {"statement": JWS or null, "encryption_key": JWS or null, "proof"}; the edge checks the proof."""

    statement: str | None
    encryption_key: str | None
    proof: str

    def __post_init__(self) -> None:
        if self.statement is None and self.encryption_key is None:
            raise InvalidRequest("Publish a statement, an encryption key, or both.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstDevice:
    """A verified seq 0: the device that begins the chain."""

    uid: str
    device: str
    hash: str
    compact: str


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
