"""The keys of access tokens, which `KeyFiles` reads from two files, and how they are turned.

The files of a laptop are replaced; those of a deployment are mounts of Secret Manager's, where a secret gets a new version.
"""

import asyncio
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from jwt.algorithms import ECAlgorithm

from common.errors import Unavailable
from common.sessions.key_ring import KeyRing, SigningKey, VerifyingKey
from common.sessions.ports import TokenKeyRing
from common.settings import Settings, SettingsError, read_secret, secret_file
from common.storage.key_files import private_key, public_key
from common.storage.secret_manager import SecretManager

_CLAIM = "turning-since"
_CLAIM_SECONDS = 600
"""Longer than any call takes."""
_CHANGED_AT = "changed_at"
"""A member of the private set beside its keys, which readers of JWK Sets ignore (RFC 7517, section 5)."""


@dataclass(frozen=True, slots=True)
class KeySets:
    """A ring as it is kept: a private JWK Set, whose first key signs and whose second one is the next, and the public one."""

    signing: str
    verifying: str

    @classmethod
    def of(cls, ring: KeyRing) -> Self:
        following = [ring.next] if ring.next else []
        public = [key.verifying for key in (*following, ring.current)] + list(ring.previous)
        private = [_jwk(key.kid, key.private) for key in (ring.current, *following)]
        return cls(
            signing=json.dumps({"keys": private, _CHANGED_AT: int(ring.changed_at)}),
            verifying=json.dumps({"keys": [_jwk(key.kid, key.public) for key in public]}),
        )

    def ring(self) -> KeyRing:
        private = json.loads(self.signing)
        signing = [SigningKey(jwk["kid"], private_key(jwk)) for jwk in private["keys"][:2]]
        ours = {key.kid for key in signing}
        others = [jwk for jwk in json.loads(self.verifying)["keys"] if jwk["kid"] not in ours]
        return KeyRing(
            current=signing[0],
            next=signing[1] if signing[1:] else None,
            previous=tuple(VerifyingKey(jwk["kid"], public_key(jwk)) for jwk in others),
            changed_at=private.get(_CHANGED_AT, 0),
        )


@dataclass(frozen=True, slots=True)
class KeyRingFiles:
    """The two sets in two files that can be written to, as on a laptop."""

    signing: Path
    verifying: Path

    async def read(self) -> tuple[KeyRing, str]:
        return await asyncio.to_thread(self._read)

    async def replace(self, version: str, ring: KeyRing) -> bool:
        return await asyncio.to_thread(self._replace, version, ring)

    def write(self, ring: KeyRing) -> None:
        """Whoever reads meanwhile finds whole files, and every key that signs among those that verify."""
        sets = KeySets.of(ring)
        _write(self.verifying, sets.verifying)
        _write(self.signing, sets.signing)

    def _read(self) -> tuple[KeyRing, str]:
        text = read_secret(self.signing)
        return KeySets(text, read_secret(self.verifying)).ring(), sha256(text.encode()).hexdigest()

    def _replace(self, version: str, ring: KeyRing) -> bool:
        with _locked(self.signing.parent):
            if self._read()[1] != version:
                return False
            self.write(ring)
        return True


@dataclass(frozen=True, slots=True)
class KeyRingSecrets:
    """The two sets in two secrets of Secret Manager, by their names: projects/PROJECT/secrets/NAME.

    A version is the etag of the signing secret. Whoever turns the ring claims that first, in an annotation, so that one of
    several callers does; the others find another etag. A claim that was left behind counts for ten minutes.
    """

    signing: str
    verifying: str
    manager: SecretManager = field(default_factory=SecretManager)

    async def read(self) -> tuple[KeyRing, str]:
        return await asyncio.to_thread(self._read)

    async def replace(self, version: str, ring: KeyRing) -> bool:
        return await asyncio.to_thread(self._replace, version, ring)

    def _read(self) -> tuple[KeyRing, str]:
        secret = self.manager.secret(self.signing)
        if time.time() - float(secret.annotations.get(_CLAIM, 0)) < _CLAIM_SECONDS:
            raise Unavailable("The keys are being turned. Ask again later.")
        sets = KeySets(self.manager.latest(self.signing), self.manager.latest(self.verifying))
        return sets.ring(), secret.etag

    def _replace(self, version: str, ring: KeyRing) -> bool:
        claim = {_CLAIM: str(int(time.time()))}
        if not self.manager.annotate(self.signing, claim, etag=version):
            return False
        replaced = self.manager.versions(self.signing)
        sets = KeySets.of(ring)
        self.manager.add(self.verifying, sets.verifying)
        self.manager.add(self.signing, sets.signing)
        self.manager.annotate(self.signing, {})
        for name in replaced:  # a private key that no longer signs is of use to a thief alone
            self.manager.destroy(name)
        return True


def key_ring_of(settings: Settings) -> TokenKeyRing:
    """Where this deployment's ring is kept.

    Raises:
        SettingsError: it has no ring, or one that cannot be turned.
    """
    if settings.signing_keys_secret and settings.verification_keys_secret:
        return KeyRingSecrets(settings.signing_keys_secret, settings.verification_keys_secret)
    files = KeyRingFiles(
        secret_file(settings.signing_keys_file, "SIGNING_KEYS_FILE"),
        secret_file(settings.verification_keys_file, "VERIFICATION_KEYS_FILE"),
    )
    for path in (files.signing, files.verifying):
        if not os.access(path.parent, os.W_OK):
            raise SettingsError(
                f"The folder of {path} cannot be written to. Where Secret Manager mounts it, set SIGNING_KEYS_SECRET "
                "and VERIFICATION_KEYS_SECRET to the secrets' names."
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


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _jwk(kid: str, key: EllipticCurvePrivateKey | EllipticCurvePublicKey) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": kid, "alg": "ES256", "use": "sig"}
