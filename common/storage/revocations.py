"""Where the revocation list is kept: a folder, or a bucket of Cloud Storage."""

import asyncio
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import google.auth.exceptions

from common.clock import remaining
from common.errors import DeadlineExceeded, Unavailable
from common.revocations.ports import RevocationList
from common.settings import Settings, SettingsError
from common.storage.google_session import GoogleSession

API = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_SECONDS = 10.0


def revocation_list_of(settings: Settings) -> RevocationList:
    """Raises SettingsError: the settings name no place, or two."""
    folder, bucket = settings.revocations_folder, settings.revocations_bucket
    if folder and not bucket:
        return FolderList(folder)
    if bucket and not folder:
        return BucketList(bucket)
    raise SettingsError("Set one of REVOCATIONS_BUCKET and REVOCATIONS_FOLDER: what is ended is noted there.")


@dataclass(frozen=True, slots=True)
class FolderList:
    folder: Path

    async def add(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(self._add, name, content)

    def _add(self, name: str, content: bytes) -> None:
        path = self.folder / name
        if path.exists():
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            if path.exists():
                return
            raise Unavailable("The revocation list cannot be written.") from None


@dataclass(slots=True)
class BucketList:
    """One upload an object (https://cloud.google.com/storage/docs/json_api/v1/objects/insert), which never overwrites.

    Each has a name of its own below the one that is noted: whoever may only create objects is refused an existing one, and
    could not tell that from having no right at all.
    """

    bucket: str
    api: str = API
    session: Any = field(default_factory=lambda: GoogleSession(_SCOPE))
    """A session of requests."""

    async def add(self, name: str, content: bytes) -> None:
        seconds = remaining(_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.to_thread(self._add, name, content, seconds)
        except TimeoutError:
            raise DeadlineExceeded("The revocation list took too long.") from None

    def _add(self, name: str, content: bytes, seconds: float) -> None:
        url = (
            f"{self.api}/upload/storage/v1/b/{self.bucket}/o"
            f"?uploadType=media&ifGenerationMatch=0&name={quote(f'{name}/{uuid.uuid4().hex}', safe='')}"
        )
        headers = {"Content-Type": "application/json"}
        try:
            answer = self.session.request("POST", url, data=content, headers=headers, timeout=seconds)
        except google.auth.exceptions.GoogleAuthError:
            raise Unavailable("Google's tokens cannot be had.") from None
        except OSError:  # of which all of requests' are
            raise Unavailable("Cloud Storage cannot be reached.") from None
        if not answer.ok:
            raise Unavailable(f"Cloud Storage answered HTTP {answer.status_code} to the revocation list.")
