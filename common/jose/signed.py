"""What a device signed: compact JWS (RFC 7515) with PS256, its header known before it is read."""

import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256

from common.errors import InvalidRequest
from common.jose.encoding import decode_base64url, digest, exact, integer, parse_json
from common.jose.rsa_key import THUMBPRINT, RsaKey

STATEMENT_BYTES = 8192

SKEW = 600
"""How far the clocks of a device and the service may be apart, in seconds."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{512}")
_HEADER = frozenset(("alg", "typ", "kid"))


@dataclass(frozen=True, slots=True)
class Signed:
    """A compact JWS whose form is right. Its signature counts only after `verified_by`."""

    compact: str
    kid: str
    payload: dict[str, Any]

    @property
    def hash(self) -> str:
        return digest(self.compact)

    def verified_by(self, key: RsaKey) -> bool:
        signed, _, signature = self.compact.rpartition(".")
        try:
            key.public_key.verify(
                decode_base64url(signature, "The signature"),
                signed.encode("ascii"),
                PSS(MGF1(SHA256()), salt_length=32),
                SHA256(),
            )
        except InvalidSignature:
            return False
        return self.kid == key.kid


def stored_payload(compact: str) -> dict[str, Any]:
    """The payload of a compact JWS that was verified before it was stored."""
    payload: dict[str, Any] = parse_json(
        decode_base64url(compact.split(".")[1], "The payload"), "The payload"
    )
    return payload


def read_signed(compact: str, typ: str, members: frozenset[str] | None, name: str) -> Signed:
    """Read a compact JWS with the header {"alg":"PS256","typ":`typ`,"kid":...} and a payload of just `members`.

    With members None, the payload is any object: what is in it says what its members are.

    Raises:
        InvalidRequest: any other form; names `name`.
    """
    if len(compact) > STATEMENT_BYTES or not _COMPACT.fullmatch(compact):
        raise InvalidRequest(
            f"{name} must be a compact JWS with a 384-byte signature, {STATEMENT_BYTES} bytes at most."
        )
    head, body, signature = compact.split(".")
    decode_base64url(signature, f"The signature of {name}")
    header = exact(
        parse_json(decode_base64url(head, f"The header of {name}"), f"The header of {name}"),
        _HEADER,
        f"The header of {name}",
    )
    if header["alg"] != "PS256" or header["typ"] != typ:
        raise InvalidRequest(f"{name} must have alg PS256 and typ {typ}.")
    if not isinstance(header["kid"], str) or not THUMBPRINT.fullmatch(header["kid"]):
        raise InvalidRequest(f"The kid of {name} must be a key's thumbprint.")
    payload = parse_json(decode_base64url(body, name), name)
    if not isinstance(payload, dict):
        raise InvalidRequest(f"{name} must have an object for its payload.")
    if members is not None:
        exact(payload, members, name)
    return Signed(compact=compact, kid=header["kid"], payload=payload)


def read_versioned(compact: str, typ: str, members: frozenset[str] | None, name: str) -> Signed:
    """Read a statement of version 1, whenever it was issued: a signed JWS with `v`, `iat` and `ext` among its members.

    Raises:
        InvalidRequest: any other form or version; names `name`.
    """
    signed = read_signed(compact, typ, members, name)
    payload = signed.payload
    if integer(payload.get("v"), "v") != 1 or not isinstance(payload.get("ext"), dict):
        raise InvalidRequest(f"{name} must have v 1 and an object ext.")
    integer(payload.get("iat"), "iat")
    return signed


def is_now(issued_at: int, now: float) -> bool:
    """Whether `issued_at`, in seconds, is no further from now than clocks may be apart."""
    return abs(now - issued_at) <= SKEW


def require_now(issued_at: int, now: float, name: str) -> None:
    """Raises InvalidRequest: it was not issued now."""
    if not is_now(issued_at, now):
        raise InvalidRequest(f"{name}'s iat is more than {SKEW} seconds away from the server's time.")


def require_signature(signed: Signed, key: RsaKey, name: str) -> None:
    """Raises InvalidRequest: another key signed it."""
    if not signed.verified_by(key):
        raise InvalidRequest(f"{name} is not signed by the device.")
