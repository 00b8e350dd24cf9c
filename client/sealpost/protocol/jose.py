"""The four JOSE operations of the protocol, done by jwcrypto; nothing else imports it.

Callers have checked what they hand over: the library is lenient (it skips unknown characters, takes the
algorithm from the header and tries every recipient), so it sees only text that already has its one shape.
"""

import math
import secrets
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto import jwe, jwk, jws
from jwcrypto.common import JWException

from sealpost.protocol.encoding import b64decode, compact_json, loads

SIGN: Final = "PS256"
WRAP: Final = "RSA-OAEP-256"
ENCRYPT: Final = "A256GCM"
CONTENT_KEY_BYTES: Final = 32


class _AnswersAlways:
    """An RSA private key whose unwrapping never fails.

    What does not decrypt to a content key becomes a random one, and the failure shows only when the
    content's tag does not match (RFC 7516 section 11.5): a wrong key and an altered message look alike.
    """

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def decrypt(self, wrapped: bytes, padding: Any) -> bytes:
        substitute = secrets.token_bytes(CONTENT_KEY_BYTES)
        try:
            unwrapped = self._key.decrypt(wrapped, padding)
        except ValueError:
            return substitute
        return unwrapped if len(unwrapped) == CONTENT_KEY_BYTES else substitute


class _UnwrapKey(jwk.JWK):  # type: ignore[misc] # jwcrypto ships no types
    def get_op_key(self, operation: str | None = None, arg: object = None) -> Any:
        key = super().get_op_key(operation, arg)
        return _AnswersAlways(key) if operation == "unwrapKey" else key


def generate(use: str) -> dict[str, str]:
    """A new RSA-3072 key as a private JWK without ``kid`` (90 to 200 ms)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    exported: dict[str, str] = jwk.JWK.from_pyca(key).export_private(as_dict=True)
    exported.pop("kid", None)
    return exported | {"use": use}


def load(members: Mapping[str, str]) -> Any:
    """The library's key for a JWK; ValueError if its numbers do not belong together.

    They are compared here: OpenSSL's own check also proves p and q prime, at 100 ms for each key of one's own
    store each time it is opened.
    """
    if "d" in members and not _consistent(members):
        raise ValueError("private numbers do not belong to the modulus")
    try:
        key = _UnwrapKey(**members)
        key.unsafe_skip_rsa_key_validation = True
        key.get_op_key("verify" if members["use"] == "sig" else "wrapKey")
        if "d" in members:
            key.get_op_key("sign" if members["use"] == "sig" else "unwrapKey")
    except JWException:
        raise ValueError("not an RSA key") from None
    return key


def _consistent(members: Mapping[str, str]) -> bool:
    n, e, d, p, q, dp, dq, qi = (
        int.from_bytes(b64decode(members[name]), "big")
        for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    )
    return (
        p > 1
        and q > 1
        and p * q == n
        and e * d % math.lcm(p - 1, q - 1) == 1
        and (dp, dq) == (d % (p - 1), d % (q - 1))
        and q * qi % p == 1
    )


def sign(key: Any, protected: str, payload: bytes) -> str:
    """A compact JWS; PS256 with a salt of 32 bytes, as RFC 7518 section 3.5 has it."""
    token = jws.JWS(payload)
    token.allowed_algs = [SIGN]
    token.add_signature(key, SIGN, protected)
    compact: str = token.serialize(compact=True)
    return compact


def verify(key: Any, compact: str) -> bool:
    """Whether ``compact`` carries a PS256 signature of ``key``."""
    token = jws.JWS()
    token.allowed_algs = [SIGN]
    try:
        token.deserialize(compact)
        token.verify(key, SIGN)
    except JWException:
        return False
    return True


def encrypt(keys: Mapping[str, Any], protected: str, plaintext: bytes) -> dict[str, Any]:
    """A General JSON JWE for ``keys`` (by kid, in that order), with a fresh content key and IV."""
    token = jwe.JWE(plaintext, protected, algs=[WRAP, ENCRYPT], flattened=False)
    for kid, key in keys.items():
        token.add_recipient(key, compact_json({"kid": kid}))
    sealed: dict[str, Any] = loads(token.serialize())
    return sealed


def decrypt(key: Any, envelope: Mapping[str, Any], entry: Mapping[str, Any]) -> bytes | None:
    """The plaintext of ``envelope`` by the one recipient ``entry``, or None, whatever went wrong."""
    own = {**envelope, "recipients": [entry]}
    token = jwe.JWE(algs=[WRAP, ENCRYPT])
    try:
        token.deserialize(compact_json(own))
        token.decrypt(key)
    except JWException:
        return None
    plaintext: bytes = token.payload
    return plaintext
