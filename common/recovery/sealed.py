"""The sealed backup, checked without being opened (docs/protocol.md, "History and recovery"; RFC 7516, section 7.2.2)."""

import re

from common.errors import InvalidRequest
from common.jose import decode_base64url, exact, integer, matching, parse_json

MEMORY = (8, 262_144)
"""Argon2id's m, in KiB, at least and at most (RFC 9106, section 3.1)."""
PASSES = (1, 10)
LANES = (1, 4)

_OUTER = frozenset(("protected", "iv", "ciphertext", "tag"))
_PROTECTED = frozenset(("alg", "enc", "typ", "iss", "n", "kdf", "m", "t", "p", "salt"))
_FIXED = {"alg": "dir", "enc": "A256GCM", "typ": "sealpost-backup+json", "kdf": "argon2id"}
_IV = re.compile(r"[A-Za-z0-9_-]{16}")
_SIXTEEN_BYTES = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")


def require_sealed(backup: str, uid: str, n: int) -> None:
    """Raises InvalidRequest: `backup` is not the flattened JWE of the protocol, of this account and number."""
    jwe = exact(parse_json(backup, "The backup"), _OUTER, "The backup")
    matching(jwe["iv"], _IV, "iv")
    matching(jwe["tag"], _SIXTEEN_BYTES, "tag")
    for name in ("protected", "ciphertext"):
        if not isinstance(jwe[name], str) or not jwe[name]:
            raise InvalidRequest(f"{name} must be a string that is not empty.")
    decode_base64url(jwe["ciphertext"], "ciphertext")
    protected = decode_base64url(jwe["protected"], "protected")
    header = exact(parse_json(protected, "protected"), _PROTECTED, "protected")
    if any(header[name] != fixed for name, fixed in _FIXED.items()):
        raise InvalidRequest(f"protected must have {_FIXED}.")
    if header["iss"] != uid or integer(header["n"], "n", least=1) != n:
        raise InvalidRequest("The backup must be of the caller's account, and its n that of the request.")
    matching(header["salt"], _SIXTEEN_BYTES, "salt")
    for name, (least, most) in (("m", MEMORY), ("t", PASSES), ("p", LANES)):
        if not least <= integer(header[name], name) <= most:
            raise InvalidRequest(f"{name} must be from {least} to {most}.")
