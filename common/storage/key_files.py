"""Secrets that stand in files: Secret Manager mounts in the cloud, 0600 files on a laptop."""

import json
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from jwt.algorithms import ECAlgorithm

from common.identity import IndexKey
from common.jose import decode_base64url
from common.settings import SettingsError, read_secret, secret_file

_REREAD_SECONDS = 60
_INDEX_KEY_BYTES = 32
_PUBLIC = ("kty", "crv", "x", "y", "kid")


class KeyFiles:
    """Access-token keys as JWK Sets: a private one, whose first key signs, and a public one, which all verify with.

    Files are read at first use. An unknown kid makes the public set be read again, once a minute at most, so that a
    rotated key is known without a restart.
    """

    def __init__(self, signing: Path | None, verifying: Path | None) -> None:
        self._signing_file = signing
        self._verifying_file = verifying
        self._signing: tuple[str, EllipticCurvePrivateKey, float] | None = None
        self._verifying: dict[str, tuple[EllipticCurvePublicKey, dict[str, str]]] = {}
        self._read_at = float("-inf")

    def signing(self) -> tuple[str, EllipticCurvePrivateKey]:
        now = time.monotonic()
        if self._signing is None or now - self._signing[2] > _REREAD_SECONDS:
            jwk = read_keys(secret_file(self._signing_file, "SIGNING_KEYS_FILE"))[0]
            self._signing = (jwk["kid"], private_key(jwk), now)
        kid, key, _ = self._signing
        return kid, key

    def verifying(self, kid: str) -> EllipticCurvePublicKey | None:
        if kid not in self._verifying:
            self._read_again()
        found = self._verifying.get(kid)
        return found[0] if found else None

    def published(self) -> list[dict[str, str]]:
        self._read_again()
        return [jwk for _, jwk in self._verifying.values()]

    def _read_again(self) -> None:
        now = time.monotonic()
        if now - self._read_at < _REREAD_SECONDS:
            return
        keys = {}
        for jwk in read_keys(secret_file(self._verifying_file, "VERIFICATION_KEYS_FILE")):
            keys[jwk["kid"]] = (
                public_key(jwk),
                {name: jwk[name] for name in _PUBLIC} | {"alg": "ES256", "use": "sig"},
            )
        self._verifying, self._read_at = keys, now


def index_key(path: Path | None) -> IndexKey:
    secret = decode_base64url(read_secret(secret_file(path, "INDEX_KEY_FILE")), "INDEX_KEY_FILE")
    if len(secret) != _INDEX_KEY_BYTES:
        raise SettingsError(f"INDEX_KEY_FILE must hold {_INDEX_KEY_BYTES} bytes in base64url.")
    return IndexKey(secret)


def read_keys(path: Path) -> list[dict[str, Any]]:
    """The keys of a JWK Set.

    Raises:
        SettingsError: the file cannot be read, or the set is empty.
    """
    keys: list[dict[str, Any]] = json.loads(read_secret(path))["keys"]
    if not keys:
        raise SettingsError(f"The key set {path} is empty.")
    return keys


def private_key(jwk: dict[str, Any]) -> EllipticCurvePrivateKey:
    """Raises SettingsError: this key cannot sign ES256."""
    key = ECAlgorithm.from_jwk(jwk)
    if not isinstance(key, EllipticCurvePrivateKey) or jwk["crv"] != "P-256":
        raise SettingsError("SIGNING_KEYS_FILE must hold private keys alone, of the curve P-256.")
    return key


def public_key(jwk: dict[str, Any]) -> EllipticCurvePublicKey:
    """Raises SettingsError: this is no public key that verifies ES256."""
    key = ECAlgorithm.from_jwk(jwk)
    if not isinstance(key, EllipticCurvePublicKey) or jwk["crv"] != "P-256":
        raise SettingsError("VERIFICATION_KEYS_FILE must hold public keys alone, of the curve P-256.")
    return key
