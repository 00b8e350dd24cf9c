"""An archive in a folder that only its owner reads."""

import asyncio
import base64
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from common.backups.model import BackupRefused, Object, is_name
from common.errors import Unavailable

_CHUNK = 1 << 20
_GONE = (FileNotFoundError, NotADirectoryError)


@dataclass(frozen=True, slots=True)
class FolderArchive:
    folder: Path

    async def names(self) -> Sequence[str]:
        return await asyncio.to_thread(self._names)

    async def read(self, name: str) -> bytes | None:
        return await asyncio.to_thread(self._read, name)

    async def create(self, name: str, content: bytes) -> bool:
        return await asyncio.to_thread(self._create, self.folder / name, content)

    async def objects(self, prefix: str) -> Sequence[Object]:
        return await asyncio.to_thread(lambda: list(self._objects(prefix)))

    async def open(self, name: str) -> AsyncIterator[bytes]:
        try:
            file: BinaryIO = await asyncio.to_thread((self.folder / name).open, "rb")
        except _GONE:
            raise BackupRefused("An object of the backup is missing.") from None
        except OSError:
            raise _unreadable() from None
        with file:
            while piece := await asyncio.to_thread(file.read, _CHUNK):
                yield piece

    def _names(self) -> list[str]:
        try:
            return sorted(
                path.name for path in self.folder.iterdir() if is_name(path.name) and _has_object(path)
            )
        except FileNotFoundError:
            return []
        except OSError:
            raise _unreadable() from None

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except _GONE:
            return None
        except OSError:
            raise _unreadable() from None

    def _create(self, path: Path, content: bytes) -> bool:
        """The content is written under another name first, so that no crash and no full disk leaves half an object."""
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            for folder in (self.folder, path.parent):  # parents would have the usual mode
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
                return True
        except OSError:
            raise Unavailable("The folder of the backups cannot be written to.") from None
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()
        return False

    def _objects(self, prefix: str) -> Iterator[Object]:
        start = self.folder / prefix
        try:
            for path in [start] if start.is_file() else sorted(start.rglob("*")):
                if path.is_file():
                    yield Object(
                        name=path.relative_to(self.folder).as_posix(),
                        bytes=path.stat().st_size,
                        crc32c=crc32c(path),
                    )
        except OSError:
            raise _unreadable() from None


def _has_object(folder: Path) -> bool:
    """Whether more than a draft stands there: a bucket has no folder before its first object either."""
    return any(not path.name.startswith(".") for path in folder.iterdir())


def crc32c(path: Path) -> str:
    """A file's checksum as Cloud Storage writes it."""
    checksum = google_crc32c.Checksum()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            checksum.update(piece)
    return base64.b64encode(checksum.digest()).decode("ascii")


def close_to_others(root: Path) -> None:
    """Take from everybody but the owner what a program of others has written."""
    for path in (root, *root.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _unreadable() -> Unavailable:
    return Unavailable("The folder of the backups cannot be read.")
