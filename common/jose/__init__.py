"""JOSE as the protocol restricts it (docs/protocol.md, "Encodings" and "Signatures"): one encoding for each value."""

from common.jose.encoding import base64url, decode_base64url, digest, exact, integer, matching, parse_json
from common.jose.rsa_key import SIGNING, WRAPPING, RsaKey, read_key
from common.jose.signed import (
    SKEW,
    Signed,
    is_now,
    read_signed,
    read_versioned,
    require_now,
    require_signature,
    stored_payload,
)

__all__ = [
    "SIGNING",
    "SKEW",
    "WRAPPING",
    "RsaKey",
    "Signed",
    "base64url",
    "decode_base64url",
    "digest",
    "exact",
    "integer",
    "is_now",
    "matching",
    "parse_json",
    "read_key",
    "read_signed",
    "read_versioned",
    "require_now",
    "require_signature",
    "stored_payload",
]
