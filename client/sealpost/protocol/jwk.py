"""RSA-3072 keys as JSON Web Keys (RFC 7517), in the one form that Sealpost takes.

``{"kty":"RSA","n","e":"AQAB","alg","use","kid"}``: ``kid`` is the RFC 7638 SHA-256 thumbprint. A signing key is
PS256 and ``sig``, an encryption key RSA-OAEP-256 and ``enc``; the two are never one.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from sealpost.protocol import encoding, jose
from sealpost.protocol.errors import malformed

_PUBLIC: Final = frozenset({"kty", "n", "e", "alg", "use", "kid"})
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi"})
# 3072 bits, the highest one set, and odd, as a product of two odd primes is
_MODULUS: Final = re.compile(r"[g-z0-9_-][A-Za-z0-9_-]{510}[BDFHJLNPRTVXZbdfhjlnprtvxz13579_]")


class Use(StrEnum):
    """What a key is for; each use has one algorithm."""

    SIGNING = "sig"
    ENCRYPTION = "enc"

    @property
    def algorithm(self) -> str:
        return jose.SIGN if self is Use.SIGNING else jose.WRAP


def thumbprint(n: str) -> str:
    """RFC 7638: base64url(SHA-256) of the canonical JSON of e, kty and n."""
    return encoding.canonical_hash({"e": "AQAB", "kty": "RSA", "n": n})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A validated public key. Raises ``malformed`` for a modulus of another shape."""

    n: str
    use: Use
    kid: str = field(init=False)
    jose_key: jose.Key = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _MODULUS.fullmatch(self.n):
            raise malformed("JWK: not a modulus of 3072 bits")
        object.__setattr__(self, "kid", thumbprint(self.n))
        try:
            jose_key = jose.load(self.to_json())
        except ValueError:
            raise malformed("JWK: not an RSA key") from None
        object.__setattr__(self, "jose_key", jose_key)

    @classmethod
    def parse(cls, value: object, use: Use) -> Self:
        """Read a public JWK for ``use``: exactly its six members, ``kid`` equal to the thumbprint."""
        jwk = encoding.members(value, _PUBLIC)
        if (jwk["kty"], jwk["e"], jwk["alg"], jwk["use"]) != ("RSA", "AQAB", use.algorithm, use.value):
            raise malformed("JWK: not the type, exponent, algorithm and use of this place")
        if not isinstance(jwk["n"], str):
            raise malformed("JWK: not a modulus")
        key = cls(jwk["n"], use)
        if jwk["kid"] != key.kid:
            raise malformed("JWK: kid is not the thumbprint")
        return key

    def to_json(self) -> dict[str, str]:
        return {
            "kty": "RSA",
            "n": self.n,
            "e": "AQAB",
            "alg": self.use.algorithm,
            "use": self.use.value,
            "kid": self.kid,
        }


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key with its public half; its printed form shows the public half alone."""

    public: PublicKey
    _secret: dict[str, str] = field(repr=False)
    jose_key: jose.Key = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            jose_key = jose.load(self.to_json())
        except ValueError:
            raise malformed("JWK: private members do not belong to the modulus") from None
        object.__setattr__(self, "jose_key", jose_key)

    @property
    def kid(self) -> str:
        return self.public.kid

    @classmethod
    def generate(cls, use: Use) -> Self:
        """A new key from the system's randomness; takes 90 to 200 ms of one core."""
        members = jose.generate(use.value)
        return cls(PublicKey(members["n"], use), {name: members[name] for name in _PRIVATE})

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read what :meth:`to_json` gave: the public members and d, p, q, dp, dq, qi. Raises ``malformed``."""
        jwk = encoding.members(value, _PUBLIC | _PRIVATE)
        secret = {name: jwk[name] for name in _PRIVATE}
        if not all(isinstance(member, str) for member in secret.values()):
            raise malformed("JWK: a private member is not a string")
        try:
            use = Use(jwk["use"])
        except ValueError:
            raise malformed("JWK: unknown use") from None
        return cls(PublicKey.parse({name: jwk[name] for name in _PUBLIC}, use), secret)

    def to_json(self) -> dict[str, str]:
        """The private JWK: seal it before it is stored."""
        return self.public.to_json() | self._secret
