"""Tokens of any shape, right or wrong, made with the primitives alone: a second implementation beside jwcrypto."""

import json
import secrets
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealpost.protocol.encoding import b64decode, b64encode
from sealpost.protocol.jwk import PrivateKey, PublicKey

OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def text(value: object) -> str:
    """``value`` as compact JSON; text stands as it is."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def rsa_private(key: PrivateKey) -> rsa.RSAPrivateKey:
    jwk = key.to_json()
    n, e, d, p, q, dp, dq, qi = (
        int.from_bytes(b64decode(jwk[name]), "big") for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    )
    private = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n))
    return private.private_key(unsafe_skip_rsa_key_validation=True)


def rsa_public(key: PublicKey) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(65537, int.from_bytes(b64decode(key.n), "big")).public_key()


def header(typ: str, key: PrivateKey, **other: object) -> dict[str, object]:
    return {"alg": "PS256", "typ": typ, "kid": key.kid} | other


def jws(head: object, payload: object, key: PrivateKey, *, salt: int = 32) -> str:
    """A compact JWS with a PSS signature of SHA-256, whatever its header says."""
    signed = f"{b64encode(text(head).encode())}.{b64encode(text(payload).encode())}"
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    return f"{signed}.{b64encode(rsa_private(key).sign(signed.encode(), pss, hashes.SHA256()))}"


def protected(ctx_hash: str, **other: object) -> dict[str, object]:
    return {
        "v": 1,
        "alg": "RSA-OAEP-256",
        "enc": "A256GCM",
        "typ": "sealpost+json",
        "cty": "sealpost-msg+jwt",
        "ctx": ctx_hash,
    } | other


def jwe(
    head: object, plaintext: str, keys: Iterable[PublicKey], *, content_key: bytes | None = None
) -> dict[str, Any]:
    """A General JSON JWE, recipients ascending; ``content_key`` is what is wrapped (32 random bytes)."""
    key, iv = secrets.token_bytes(32), secrets.token_bytes(12)
    encoded = b64encode(text(head).encode())
    sealed = AESGCM(key).encrypt(iv, plaintext.encode(), encoded.encode())
    return {
        "protected": encoded,
        "recipients": [
            {
                "header": {"kid": recipient.kid},
                "encrypted_key": b64encode(rsa_public(recipient).encrypt(content_key or key, OAEP)),
            }
            for recipient in sorted(keys, key=lambda recipient: recipient.kid)
        ],
        "iv": b64encode(iv),
        "ciphertext": b64encode(sealed[:-16]),
        "tag": b64encode(sealed[-16:]),
    }


def open_jwe(envelope: dict[str, Any], kid: str, key: PrivateKey) -> str:
    """The plaintext of a well-formed envelope, by the primitives."""
    [entry] = [entry for entry in envelope["recipients"] if entry["header"]["kid"] == kid]
    content_key = rsa_private(key).decrypt(b64decode(entry["encrypted_key"]), OAEP)
    sealed = b64decode(envelope["ciphertext"]) + b64decode(envelope["tag"])
    opened = AESGCM(content_key).decrypt(b64decode(envelope["iv"]), sealed, envelope["protected"].encode())
    return opened.decode("ascii")
