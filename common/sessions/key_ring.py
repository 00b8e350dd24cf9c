"""The keys of access tokens: the next one is published, the current one signs, the previous one still verifies."""

from dataclasses import dataclass, replace
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)

from common.jose import base64url, digest

_COORDINATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    kid: str
    public: EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    kid: str
    private: EllipticCurvePrivateKey

    @classmethod
    def new(cls) -> Self:
        """A P-256 key; its kid is the thumbprint of RFC 7638."""
        private = generate_private_key(SECP256R1())
        numbers = private.public_key().public_numbers()
        x, y = (base64url(number.to_bytes(_COORDINATE_BYTES)) for number in (numbers.x, numbers.y))
        return cls(digest(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'), private)

    @property
    def verifying(self) -> VerifyingKey:
        return VerifyingKey(self.kid, self.private.public_key())


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The keys at one time."""

    current: SigningKey
    next: SigningKey | None
    """None in a ring from before there were next keys."""
    previous: tuple[VerifyingKey, ...] = ()
    changed_at: float
    """Seconds since the epoch."""

    @classmethod
    def new(cls, now: float) -> Self:
        return cls(current=SigningKey.new(), next=SigningKey.new(), changed_at=now)

    def turned(self, now: float) -> Self:
        """The ring after this one. One without a next key publishes one, and its current key goes on signing."""
        if self.next is None:
            return replace(self, next=SigningKey.new(), changed_at=now)
        return replace(
            self,
            current=self.next,
            next=SigningKey.new(),
            previous=(self.current.verifying,),
            changed_at=now,
        )
