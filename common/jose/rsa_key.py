"""RSA-3072 public keys as JWK (RFC 7517; RFC 7518, section 6.3), in the one form the protocol allows."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from common.errors import InvalidRequest
from common.jose.encoding import decode_base64url, digest, exact

SIGNING = ("PS256", "sig")
WRAPPING = ("RSA-OAEP-256", "enc")

THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""32 bytes in base64url."""

_MEMBERS = frozenset(("kty", "n", "e", "alg", "use", "kid"))
_MODULUS = re.compile(r"[g-z0-9_-][A-Za-z0-9_-]{510}[BDFHJLNPRTVXZbdfhjlnprtvxz13579_]")
"""384 bytes whose first and last bits are set: 3072 bits, no leading zero, and odd as any RSA modulus is."""
_EXPONENT = 65537


@dataclass(frozen=True)
class RsaKey:
    """A public key; `kid` is its thumbprint (RFC 7638) and, for a signing key, the device's id."""

    n: str
    alg: str
    use: str

    @cached_property
    def kid(self) -> str:
        return digest(f'{{"e":"AQAB","kty":"RSA","n":"{self.n}"}}')

    @cached_property
    def public_key(self) -> RSAPublicKey:
        n = int.from_bytes(decode_base64url(self.n, "n"))
        return RSAPublicNumbers(_EXPONENT, n).public_key()


def read_key(jwk: Any, role: tuple[str, str], name: str) -> RsaKey:
    """The key of a JWK with exactly `kty n e alg use kid`, for `role` SIGNING or WRAPPING.

    Raises:
        InvalidRequest: a private or unknown member, another size, exponent, algorithm or use, a kid that is not
            the thumbprint, or a modulus that is even.
    """
    members = exact(jwk, _MEMBERS, name)
    alg, use = role
    if (members["kty"], members["e"], members["alg"], members["use"]) != ("RSA", "AQAB", alg, use):
        raise InvalidRequest(f"{name} must be an RSA key with e AQAB, alg {alg} and use {use}.")
    n = members["n"]
    if not isinstance(n, str) or not _MODULUS.fullmatch(n):
        raise InvalidRequest(f"{name} must have an odd modulus of exactly 3072 bits.")
    key = RsaKey(n=n, alg=alg, use=use)
    if members["kid"] != key.kid:
        raise InvalidRequest(f"The kid of {name} must be its RFC 7638 SHA-256 thumbprint.")
    return key
