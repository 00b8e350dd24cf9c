"""A device's encryption keys: statements outside the chain (docs/protocol.md, "Encryption keys")."""

from typing import Any

from common.errors import InvalidRequest
from common.identity import Caller
from common.jose import (
    WRAPPING,
    RsaKey,
    integer,
    read_key,
    read_versioned,
    require_signature,
    stored_payload,
)
from common.keys.model import EncryptionKey

TYP = "sealpost-enc+jwt"
LIFETIME = 30 * 86_400
"""The longest life of an encryption key, in seconds."""

_MEMBERS = frozenset(("v", "iss", "device", "n", "iat", "exp", "keys", "env", "ext"))
_NAME = "The encryption key"


def read_encryption_key(compact: str, caller: Caller, key: RsaKey) -> EncryptionKey:
    """Read and verify an encryption key statement of the caller's device, whose signing key is `key`.

    Raises:
        InvalidRequest: it is malformed, of another device, badly signed, or lives too long.
    """
    signed = read_versioned(compact, TYP, _MEMBERS, _NAME)
    payload = signed.payload
    if payload["iss"] != caller.uid or payload["device"] != caller.device:
        raise InvalidRequest(f"{_NAME} must be of the caller's account and device.")
    issued: int = payload["iat"]
    expires = integer(payload["exp"], "exp")
    if not 0 < expires - issued <= LIFETIME:
        raise InvalidRequest(f"{_NAME} must expire after it is issued, within 30 days.")
    _require_envelope_version(payload["env"])
    if not isinstance(payload["keys"], list) or len(payload["keys"]) != 1:
        raise InvalidRequest(f"{_NAME} must carry one key.")
    wrapping = read_key(payload["keys"][0], WRAPPING, _NAME)
    if wrapping.n == key.n:
        raise InvalidRequest(f"{_NAME} must not be the signing key.")
    require_signature(signed, key, _NAME)
    return EncryptionKey(
        uid=caller.uid,
        device=caller.device,
        n=integer(payload["n"], "n", least=1),
        kid=wrapping.kid,
        issued_at=issued,
        expires_at=expires,
        compact=compact,
    )


def stored_encryption_key(compact: str) -> EncryptionKey:
    """An encryption key statement that was verified before it was stored."""
    payload = stored_payload(compact)
    return EncryptionKey(
        uid=payload["iss"],
        device=payload["device"],
        n=payload["n"],
        kid=payload["keys"][0]["kid"],
        issued_at=payload["iat"],
        expires_at=payload["exp"],
        compact=compact,
    )


def _require_envelope_version(env: Any) -> None:
    """A device may read later versions too; senders take the highest that all recipients have in common."""
    if not isinstance(env, list) or 1 not in [integer(version, "env", least=1) for version in env]:
        raise InvalidRequest(f"{_NAME} must list the envelope versions it is for, 1 among them, in env.")
