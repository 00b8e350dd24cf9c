"""Signed statements: compact JWS (RFC 7515) whose type, algorithm and shape are known before parsing."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from sealpost.protocol import bounds, encoding, identifiers, jose
from sealpost.protocol.errors import Code, ProtocolError, malformed
from sealpost.protocol.jwk import PrivateKey, PublicKey, Use

COMPACT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{512}", re.ASCII)
"""A device's compact JWS, matched against the whole text before any library sees it."""

_HEADER: Final = frozenset({"alg", "typ", "kid"})


class Type(StrEnum):
    """``typ`` of everything that a device signs; each is PS256 by an RSA-3072 key."""

    KEY = "sealpost-key+jwt"
    ENCRYPTION_KEY = "sealpost-enc+jwt"
    POSSESSION = "sealpost-pop+jwt"
    SESSION = "sealpost-session+jwt"
    CONVERSATION = "sealpost-conv+jwt"
    MESSAGE = "sealpost-msg+jwt"


@dataclass(frozen=True, slots=True)
class Unverified:
    """A compact JWS of the right shape whose signature nobody has checked yet.

    Its members serve only to find the key; :meth:`verify` gives the payload to use.
    """

    compact: str
    kid: str
    claims: dict[str, Any] = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def hash(self) -> str:
        return encoding.digest(self.compact)

    def verify(self, key: PublicKey) -> dict[str, Any]:
        """The payload, if ``key`` signed it; else ``bad-signature``."""
        if key.kid != self.kid:
            raise ProtocolError(Code.BAD_SIGNATURE, "JWS: signed by another key than the one it should be")
        signed, _, _ = self.compact.rpartition(".")
        if not jose.verify(key.jose_key, signed.encode(), self.signature):
            raise ProtocolError(Code.BAD_SIGNATURE, "JWS: the signature does not verify")
        return self.claims


def sign(typ: Type, payload: dict[str, Any], key: PrivateKey) -> str:
    """Sign ``payload`` (serialised in its member order) as ``typ``: the compact JWS."""
    if key.public.use is not Use.SIGNING:
        raise ValueError("an encryption key does not sign")
    header = {"alg": jose.SIGN, "typ": typ.value, "kid": key.kid}
    return jose.sign(key.jose_key, encoding.compact_json(header), encoding.compact_json(payload).encode())


def parse(typ: Type, compact: object, *, limit: int = bounds.MAX_STATEMENT) -> Unverified:
    """Check the shape of ``compact`` (at most ``limit`` characters) and its header; ``malformed`` otherwise."""
    if not isinstance(compact, str) or len(compact) > limit:
        raise malformed("JWS: not a text within its bound")
    if not COMPACT.fullmatch(compact):
        raise malformed("JWS: not a compact JWS of an RSA-3072 key")
    header_part, payload_part, signature_part = compact.split(".")
    signature = encoding.b64decode(signature_part)
    kid = _read_header(typ, header_part)
    claims = encoding.loads(encoding.b64decode(payload_part))
    if not isinstance(claims, dict):
        raise malformed("JWS: payload is not an object")
    return Unverified(compact, kid, claims, signature)


@lru_cache(maxsize=64)
def _read_header(typ: Type, part: str) -> str:
    """The kid of a protected header, which is the same text in all that a device signs as one type."""
    header = encoding.members(encoding.loads(encoding.b64decode(part)), _HEADER)
    if header["typ"] != typ.value:
        raise malformed("JWS: another typ than the one of this place")
    if header["alg"] != jose.SIGN:
        raise malformed("JWS: another algorithm than the typ's")
    return identifiers.hash256(header["kid"])


def known_version(claims: dict[str, Any]) -> None:
    """Let version 1 pass; ``update-needed`` for another one, ``malformed`` for none."""
    version = claims.get("v")
    if not encoding.is_integer(version, low=1):
        raise malformed("no version")
    if version != bounds.VERSION:
        raise ProtocolError(Code.UPDATE_NEEDED, "version of the format is unknown")
