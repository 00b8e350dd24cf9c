"""Possession: what a new device signs so that an active one adds it to the chain (docs/protocol.md, "Linking a device")."""

import re
from typing import Any

from common.errors import InvalidRequest
from common.jose import SIGNING, SKEW, integer, matching, read_key, read_signed, require_signature
from common.jose.rsa_key import THUMBPRINT
from common.keys.model import Pop

TYP = "sealpost-pop+jwt"
LIFETIME = 900
"""How old one may be when it is used, in seconds, by clocks that agree."""

_MEMBERS = frozenset(("iss", "aud", "root", "device", "enc", "iat", "jti"))
_JTI = re.compile(r"[A-Za-z0-9_-]{22,128}")
_NAME = "The pop"


def read_pop(compact: Any, uid: str, *, at: float) -> Pop:
    """Read and verify a pop for this account, used at a time in seconds since the epoch.

    Raises:
        InvalidRequest: it is malformed, of another account, badly signed, or not made shortly before.
    """
    if not isinstance(compact, str):
        raise InvalidRequest(f"{_NAME} must be what the new device signed in its request to be linked.")
    signed = read_signed(compact, TYP, _MEMBERS, _NAME)
    payload = signed.payload
    key = read_key(payload["device"], SIGNING, f"{_NAME}'s device")
    if payload["iss"] != uid or not isinstance(payload["aud"], str):
        raise InvalidRequest(f"{_NAME} must be of the caller's account and for this service.")
    if not -SKEW <= at - integer(payload["iat"], "iat") <= LIFETIME + SKEW:
        raise InvalidRequest(
            f"{_NAME} must be made shortly before it is used: it counts for {LIFETIME} seconds."
        )
    matching(payload["jti"], _JTI, f"{_NAME}'s jti")
    root = matching(payload["root"], THUMBPRINT, f"{_NAME}'s root")
    encryption_key = matching(payload["enc"], THUMBPRINT, f"{_NAME}'s enc")
    require_signature(signed, key, _NAME)
    return Pop(
        device=key.kid,
        modulus=key.n,
        audience=payload["aud"],
        root=root,
        encryption_key=encryption_key,
        compact=compact,
    )
