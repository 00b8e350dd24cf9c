"""The keys of access tokens in two files, which `KeyFiles` reads: turned by writing new ones in their place."""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from jwt.algorithms import ECAlgorithm

from common.sessions.key_ring import KeyRing, SigningKey, VerifyingKey
from common.settings import Settings, SettingsError, read_secret, secret_file
from common.storage.key_files import private_key, public_key, read_keys

_CHANGED_AT = "changed_at"
"""A member of the private set beside its keys, which readers of JWK Sets ignore (RFC 7517, section 5)."""


@dataclass(frozen=True, slots=True)
class KeyRingFiles:
    """A private JWK Set, whose first key signs and whose second one is the next, and the public one of all that verify."""

    signing: Path
    verifying: Path

    async def read(self) -> tuple[KeyRing, str]:
        return await asyncio.to_thread(self._read)

    async def replace(self, version: str, ring: KeyRing) -> bool:
        return await asyncio.to_thread(self._replace, version, ring)

    def write(self, ring: KeyRing) -> None:
        """Whoever reads meanwhile finds whole files, and every key that signs among those that verify."""
        following = [ring.next] if ring.next else []
        public = [key.verifying for key in (*following, ring.current)] + list(ring.previous)
        _write(self.verifying, {"keys": [_jwk(key.kid, key.public) for key in public]})
        private = [_jwk(key.kid, key.private) for key in (ring.current, *following)]
        _write(self.signing, {"keys": private, _CHANGED_AT: int(ring.changed_at)})

    def _read(self) -> tuple[KeyRing, str]:
        text = read_secret(self.signing)
        private = json.loads(text)
        signing = [SigningKey(jwk["kid"], private_key(jwk)) for jwk in private["keys"][:2]]
        ours = {key.kid for key in signing}
        others = [jwk for jwk in read_keys(self.verifying) if jwk["kid"] not in ours]
        ring = KeyRing(
            current=signing[0],
            next=signing[1] if signing[1:] else None,
            previous=tuple(VerifyingKey(jwk["kid"], public_key(jwk)) for jwk in others),
            changed_at=private.get(_CHANGED_AT, 0),
        )
        return ring, sha256(text.encode()).hexdigest()

    def _replace(self, version: str, ring: KeyRing) -> bool:
        with _locked(self.signing.parent):
            if self._read()[1] != version:
                return False
            self.write(ring)
        return True


def key_ring_of(settings: Settings) -> KeyRingFiles:
    """Where this deployment's ring is kept.

    Raises:
        SettingsError: it has no ring, or one that cannot be turned.
    """
    files = KeyRingFiles(
        secret_file(settings.signing_keys_file, "SIGNING_KEYS_FILE"),
        secret_file(settings.verification_keys_file, "VERIFICATION_KEYS_FILE"),
    )
    for path in (files.signing, files.verifying):
        if not os.access(path.parent, os.W_OK):
            raise SettingsError(
                f"The folder of {path} cannot be written to: only keys in files can be rotated yet, not Secret Manager's."
            )
    return files


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _write(path: Path, key_set: dict[str, Any]) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(json.dumps(key_set))
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _jwk(kid: str, key: EllipticCurvePrivateKey | EllipticCurvePublicKey) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": kid, "alg": "ES256", "use": "sig"}
