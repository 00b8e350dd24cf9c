"""The secrets of a local run: made once, each in a file that only its owner may read."""

import base64
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from common.sessions.key_ring import KeyRing
from common.storage.key_ring import KeyRingFiles


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
        KeyRingFiles(files.signing_keys, files.verification_keys).write(KeyRing.new(time.time()))
    for path in (files.index_key, files.scheduler_token):
        if not path.is_file():
            _write(path, _base64url(secrets.token_bytes(32)))
    _write(files.smtp_url, smtp_url)
    return files


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    new.rename(path)
