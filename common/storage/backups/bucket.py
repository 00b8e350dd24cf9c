"""An archive in a bucket of Cloud Storage. Whoever runs this may create and read objects there, and need no more."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import google.auth.exceptions
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    RequestRangeNotSatisfiable,
)
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption

from common.backups.model import BackupRefused, Object, is_name
from common.clock import remaining
from common.errors import Unavailable

# For traces that nobody takes, the library would ask for the bucket's metadata, which we may not have.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")

_CHUNK = 8 << 20
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
T = TypeVar("T")


class StorageRefused(Exception):
    """Cloud Storage refused a call for good: a permission or the bucket is missing. Says the status, never what was sent."""


@dataclass(slots=True, kw_only=True)
class BucketArchive:
    project: str
    bucket: str
    client: Any = None
    """A client of Cloud Storage. By default one with the credentials of whoever runs this, made at the first call."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def names(self) -> Sequence[str]:
        def folders() -> list[str]:
            found = self._list(delimiter="/", fields="prefixes,nextPageToken")
            list(found)  # its prefixes are complete after the last page
            return sorted(name for prefix in found.prefixes if is_name(name := prefix.rstrip("/")))

        return await _called(folders)

    async def read(self, name: str) -> bytes | None:
        def content() -> bytes | None:
            try:
                return bytes(self._blob(name).download_as_bytes(retry=None, timeout=remaining()))
            except NotFound:
                return None

        return await _called(content)

    async def create(self, name: str, content: bytes) -> bool:
        """Tried once: after a lost answer nobody could tell whose object it is."""

        def made() -> bool:
            try:
                self._blob(name).upload_from_string(
                    content, if_generation_match=0, checksum="crc32c", retry=None, timeout=remaining()
                )
            except PreconditionFailed:
                return False
            except Forbidden:
                # Whoever may not replace an object may be told that in place of the precondition that is not met.
                if any(
                    blob.name == name for blob in self._list(prefix=name, fields="items(name),nextPageToken")
                ):
                    return False
                raise
            return True

        return await _called(made)

    async def objects(self, prefix: str) -> Sequence[Object]:
        def found() -> list[Object]:
            blobs = self._list(prefix=prefix, fields="items(name,size,crc32c),nextPageToken")
            return [Object(name=blob.name, bytes=blob.size, crc32c=blob.crc32c) for blob in blobs]

        return await _called(found)

    async def open(self, name: str) -> AsyncIterator[bytes]:
        blob = self._blob(name)

        def piece(start: int) -> bytes:
            try:
                return bytes(
                    blob.download_as_bytes(
                        start=start,
                        end=start + _CHUNK - 1,
                        raw_download=True,
                        retry=None,
                        timeout=remaining(),
                    )
                )
            except NotFound:
                raise BackupRefused("An object of the backup is missing.") from None
            except RequestRangeNotSatisfiable:
                return b""

        start = 0
        while content := await _called(partial(piece, start)):
            yield content
            start += len(content)

    def _list(self, **which: str) -> Any:
        return self._ready().list_blobs(self.bucket, retry=None, timeout=remaining(), **which)

    def _blob(self, name: str) -> Any:
        return self._ready().bucket(self.bucket).blob(name)

    def _ready(self) -> Any:
        with self._lock:
            if self.client is None:
                self.client = Client(self.project)
            return self.client


async def _called(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except GoogleAPICallError as error:
        if error.code in _LATER or (error.code or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable("Cloud Storage refuses more calls for the moment.") from None
        raise StorageRefused(f"Cloud Storage answered HTTP {error.code}.") from None
    except (google.auth.exceptions.TransportError, google.auth.exceptions.RefreshError):
        raise Unavailable("Google's tokens cannot be had.") from None
    except DataCorruption:
        raise Unavailable("Cloud Storage's answer was damaged on its way.") from None
    except OSError:  # of which all of requests' are
        raise Unavailable("Cloud Storage does not answer.") from None
