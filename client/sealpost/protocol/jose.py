"""The four JOSE operations of the protocol; nothing else imports jwcrypto.

What is made is made by jwcrypto. What comes from elsewhere is opened by the primitives themselves: the library is
lenient there (it skips unknown characters, takes the algorithm from the header, tries every recipient and tells one
failure from another), and callers hand over only what already has its one shape and algorithm.
"""

import math
import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PSS
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from jwcrypto import jwe, jwk, jws
from jwcrypto.common import JWException

from sealpost.protocol.encoding import b64decode, compact_json, loads

SIGN: Final = "PS256"
WRAP: Final = "RSA-OAEP-256"
ENCRYPT: Final = "A256GCM"
CONTENT_KEY_BYTES: Final = 32


_PSS: Final = PSS(MGF1(SHA256()), salt_length=32)
_OAEP: Final = OAEP(MGF1(SHA256()), SHA256(), label=None)


class Key(NamedTuple):
    """An RSA key as jwcrypto and as the primitives take it."""

    library: Any
    primitive: Any


def generate(use: str) -> dict[str, str]:
    """A new RSA-3072 key as a private JWK without ``kid`` (90 to 200 ms)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    exported: dict[str, str] = jwk.JWK.from_pyca(key).export_private(as_dict=True)
    exported.pop("kid", None)
    return exported | {"use": use}


def load(members: Mapping[str, str]) -> Key:
    """The key of a JWK; ValueError if its numbers do not belong together.

    They are compared here: OpenSSL's own check also proves p and q prime, at 100 ms for each key of one's own
    store each time it is opened.
    """
    if "d" in members and not _consistent(members):
        raise ValueError("private numbers do not belong to the modulus")
    operations = ("sign", "verify") if members["use"] == "sig" else ("unwrapKey", "wrapKey")
    try:
        key = jwk.JWK(**members)
        key.unsafe_skip_rsa_key_validation = True
        return Key(key, key.get_op_key(operations[0] if "d" in members else operations[1]))
    except JWException:
        raise ValueError("not an RSA key") from None


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


def sign(key: Key, protected: str, payload: bytes) -> str:
    """A compact JWS; PS256 with a salt of 32 bytes, as RFC 7518 section 3.5 has it."""
    token = jws.JWS(payload)
    token.allowed_algs = [SIGN]
    token.add_signature(key.library, SIGN, protected)
    compact: str = token.serialize(compact=True)
    return compact


def verify(key: Key, signed: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is one of ``key`` over ``signed``, by PS256."""
    try:
        key.primitive.verify(signature, signed, _PSS, SHA256())
    except InvalidSignature:
        return False
    return True


def encrypt(keys: Mapping[str, Key], protected: str, plaintext: bytes) -> dict[str, Any]:
    """A General JSON JWE for ``keys`` (by kid, in that order), with a fresh content key and IV."""
    token = jwe.JWE(plaintext, protected, algs=[WRAP, ENCRYPT], flattened=False)
    for kid, key in keys.items():
        token.add_recipient(key.library, compact_json({"kid": kid}))
    sealed: dict[str, Any] = loads(token.serialize())
    return sealed


def decrypt(
    key: Key, *, wrapped: bytes, protected: str, iv: bytes, ciphertext: bytes, tag: bytes
) -> bytes | None:
    """The plaintext of a JWE whose content key is ``wrapped`` for ``key``, or None."""
    cipher = AESGCM(_content_key(key, wrapped))
    try:
        return cipher.decrypt(iv, ciphertext + tag, protected.encode())
    except InvalidTag:
        return None


def _content_key(key: Key, wrapped: bytes) -> bytes:
    """The content key, or a random one where none is wrapped.

    So the failure shows only when the content's tag does not match (RFC 7516 section 11.5): a wrong key and an altered
    message look alike.
    """
    substitute = secrets.token_bytes(CONTENT_KEY_BYTES)
    try:
        unwrapped: bytes = key.primitive.decrypt(wrapped, _OAEP)
    except ValueError:
        return substitute
    return unwrapped if len(unwrapped) == CONTENT_KEY_BYTES else substitute
