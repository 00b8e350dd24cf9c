"""The statements a device publishes, verified (docs/protocol.md, "The key chain" and "Encryption keys")."""

from typing import Any

from common.errors import InvalidRequest
from common.identity import Caller
from common.jose import SIGNING, WRAPPING, RsaKey, integer, read_key, read_statement, require_signature
from common.keys.model import EncryptionKey, FirstDevice

KEY_TYP = "sealpost-key+jwt"
ENCRYPTION_TYP = "sealpost-enc+jwt"
LIFETIME = 30 * 86_400
"""The longest life of an encryption key, in seconds."""

_STATEMENT = frozenset(("v", "iss", "seq", "prev", "iat", "act", "device", "pop", "ext"))
_ENCRYPTION = frozenset(("v", "iss", "device", "n", "iat", "exp", "keys", "env", "ext"))


def read_first_device(compact: str, caller: Caller, now: float) -> FirstDevice:
    """Read and verify the statement that begins the caller's chain with the caller's device.

    Raises:
        InvalidRequest: it is another statement, badly signed, or not issued now.
    """
    signed = read_statement(compact, KEY_TYP, _STATEMENT, "The statement", now=now)
    payload = signed.payload
    if payload["act"] != "add-device" or integer(payload["seq"], "seq") != 0:
        raise InvalidRequest("Only add-device at seq 0 is supported yet: one device an account.")
    if payload["prev"] is not None or payload["pop"] is not None:
        raise InvalidRequest("At seq 0, prev and pop are null.")
    key = read_key(payload["device"], SIGNING, "The statement's device")
    if payload["iss"] != caller.uid or key.kid != caller.device:
        raise InvalidRequest("The statement must be of the caller's account and device.")
    require_signature(signed, key, "The statement")
    return FirstDevice(uid=caller.uid, device=key.kid, hash=signed.hash, compact=compact)


def read_encryption_key(compact: str, caller: Caller, key: RsaKey, now: float) -> EncryptionKey:
    """Read and verify an encryption key statement of the caller's device, whose signing key is `key`.

    Raises:
        InvalidRequest: it is malformed, of another device, badly signed, or lives too long.
    """
    name = "The encryption key"
    signed = read_statement(compact, ENCRYPTION_TYP, _ENCRYPTION, name, now=now)
    payload = signed.payload
    if payload["iss"] != caller.uid or payload["device"] != caller.device:
        raise InvalidRequest(f"{name} must be of the caller's account and device.")
    issued: int = payload["iat"]
    expires = integer(payload["exp"], "exp")
    if not 0 < expires - issued <= LIFETIME or expires <= now:
        raise InvalidRequest(f"{name} must expire after it is issued, within 30 days.")
    _require_envelope_version(payload["env"], name)
    if not isinstance(payload["keys"], list) or len(payload["keys"]) != 1:
        raise InvalidRequest(f"{name} must carry one key.")
    wrapping = read_key(payload["keys"][0], WRAPPING, name)
    if wrapping.n == key.n:
        raise InvalidRequest(f"{name} must not be the signing key.")
    require_signature(signed, key, name)
    return EncryptionKey(
        uid=caller.uid,
        device=caller.device,
        n=integer(payload["n"], "n", least=1),
        kid=wrapping.kid,
        issued_at=issued,
        expires_at=expires,
        compact=compact,
    )


def _require_envelope_version(env: Any, name: str) -> None:
    """A device may read later versions too; senders take the highest that all recipients have in common."""
    if not isinstance(env, list) or 1 not in [integer(version, "env", least=1) for version in env]:
        raise InvalidRequest(f"{name} must list the envelope versions it is for, 1 among them, in env.")
