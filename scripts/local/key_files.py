"""The secrets of a local run: made once, each in a file that only its owner may read."""

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Paths, as the suite's settings of the same names want them."""

    folder: Path

    @property
    def signing_keys(self) -> Path:
        return self.folder / "signing-keys.json"

    @property
    def verification_keys(self) -> Path:
        return self.folder / "verification-keys.json"

    @property
    def index_key(self) -> Path:
        return self.folder / "index-key"

    @property
    def scheduler_token(self) -> Path:
        return self.folder / "scheduler-token"

    @property
    def smtp_url(self) -> Path:
        return self.folder / "smtp-url"


def make(folder: Path, *, smtp_url: str) -> KeyFiles:
    """Make what is not there yet. The mailbox's address is written each time, since its port may move."""
    folder.mkdir(mode=0o700, exist_ok=True)
    files = KeyFiles(folder)
    if not files.verification_keys.is_file():
        private = _signing_key()
        public = {name: value for name, value in private.items() if name != "d"}
        _write(files.signing_keys, json.dumps({"keys": [private]}))
        _write(files.verification_keys, json.dumps({"keys": [public]}))
    for path in (files.index_key, files.scheduler_token):
        if not path.is_file():
            _write(path, _base64url(secrets.token_bytes(32)))
    _write(files.smtp_url, smtp_url)
    return files


def _signing_key() -> dict[str, str]:
    """A private ES256 JWK; its `kid` is the thumbprint of RFC 7638."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    x, y, d = (_base64url(number.to_bytes(32)) for number in (public.x, public.y, numbers.private_value))
    thumbprint = hashlib.sha256(
        json.dumps({"crv": "P-256", "kty": "EC", "x": x, "y": y}, separators=(",", ":")).encode()
    ).digest()
    return {
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "use": "sig",
        "kid": _base64url(thumbprint),
        "x": x,
        "y": y,
        "d": d,
    }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    new.rename(path)
