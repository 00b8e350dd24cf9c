"""The local backup: the Firestore emulator's export and a PostgreSQL dump, in a folder a day that only its owner reads.

A day's folder holds `claim` while its backup is being made, documents/ (the emulator's export), relations.dump
(pg_dump's custom format) and manifest.json, which is written last: a folder without it is no backup.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from common.backups.model import Manifest, Part
from common.clock import remaining
from common.errors import DeadlineExceeded, Unavailable
from common.settings import SettingsError

_CLAIM, _MANIFEST, _DOCUMENTS, _RELATIONS = "claim", "manifest.json", "documents", "relations.dump"
_STALE_SECONDS = 3_600
"""A claim this old is of a call that has died: the longest call takes a sixth of it."""
_AT_MOST = 540.0
_CHUNK = 1 << 20
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class FolderArchive:
    folder: Path

    async def claim(self, day: str) -> bool:
        return await asyncio.to_thread(self._claim, day)

    async def complete(self, manifest: Manifest) -> None:
        await asyncio.to_thread(self._complete, manifest)

    async def abandon(self, day: str) -> None:
        await asyncio.to_thread(_clear, self.folder / day)

    def _claim(self, day: str) -> bool:
        place = self.folder / day
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (place / _MANIFEST).exists():
            return False
        with contextlib.suppress(FileNotFoundError):
            if time.time() - (place / _CLAIM).stat().st_mtime > _STALE_SECONDS:
                _clear(place)
        try:
            _write(place / _CLAIM, b"")
        except FileExistsError:
            raise Unavailable("The day's backup is being made. Ask again later.") from None
        if (place / _MANIFEST).exists():  # completed between the two looks
            (place / _CLAIM).unlink()
            return False
        return True

    def _complete(self, manifest: Manifest) -> None:
        place = self.folder / manifest.day
        draft = place / f"{_MANIFEST}.draft"
        _write(draft, json.dumps(manifest.json(), indent=2).encode() + b"\n")
        draft.replace(place / _MANIFEST)
        (place / _CLAIM).unlink()


class NoArchive:
    """Where nothing can be backed up yet: the databases of the cloud. Every call says so."""

    async def claim(self, day: str) -> bool:  # noqa: ARG002 - the port's
        raise Unavailable(
            "Cloud databases are not backed up by this function yet: Cloud SQL's own backups and Firestore's point-in-time recovery are on."
        )

    async def complete(self, manifest: Manifest) -> None:
        """Never called: no day can be claimed."""

    async def abandon(self, day: str) -> None:
        """Never called either."""


@dataclass(frozen=True, slots=True)
class EmulatorExport:
    """The documents, as the emulator's :export writes them."""

    folder: Path
    host: str
    project: str

    async def write(self, day: str) -> tuple[Part, ...]:
        place = self.folder.absolute() / day
        order = {
            "database": f"projects/{self.project}/databases/(default)",
            "export_directory": str(place),
            "export_name": _DOCUMENTS,
        }
        try:
            async with httpx.AsyncClient() as http:
                answer = await http.post(
                    f"http://{self.host}/emulator/v1/projects/{self.project}:export",
                    json=order,
                    timeout=remaining(_AT_MOST),
                )
        except httpx.TimeoutException:
            raise DeadlineExceeded("The export of the documents took too long.") from None
        except httpx.HTTPError:
            raise Unavailable("The Firestore emulator cannot be reached.") from None
        if not answer.is_success:
            raise Unavailable("The Firestore emulator could not write its export.")
        return await asyncio.to_thread(lambda: tuple(_parts(place, _DOCUMENTS)))


@dataclass(frozen=True, slots=True)
class PostgresDump:
    """The relations, by pg_dump: one snapshot, without the unlogged tables, whose content a failover empties too."""

    folder: Path
    dsn: str

    async def write(self, day: str) -> tuple[Part, ...]:
        place = self.folder / day
        url = urlsplit(self.dsn)
        _write(place / _RELATIONS, b"")  # pg_dump keeps the mode of a file that stands there
        process = await asyncio.create_subprocess_exec(
            _pg_dump(),
            "--format=custom",
            "--no-owner",
            "--no-unlogged-table-data",
            "--no-password",
            f"--file={place / _RELATIONS}",
            f"--dbname={_without_password(url)}",
            # The password goes by the environment: the arguments are in every user's process list.
            env=os.environ | {"PGPASSWORD": unquote(url.password or "")},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(remaining(_AT_MOST)):
                status = await process.wait()
        except TimeoutError:
            raise DeadlineExceeded("The dump of the relations took too long.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0:
            raise Unavailable("pg_dump could not dump the relations.")
        return await asyncio.to_thread(lambda: tuple(_parts(place, _RELATIONS)))


def _without_password(url: SplitResult) -> str:
    user, _, host = url.netloc.rpartition("@")
    return url._replace(netloc=f"{user.partition(':')[0]}@{host}").geturl()


def _pg_dump() -> str:
    """pg_dump of the PATH, or of Debian's folders, the newest: it must not be older than the server."""
    if found := shutil.which("pg_dump"):
        return found
    candidates = [path for path in _DEBIAN.glob("*/bin/pg_dump") if os.access(path, os.X_OK)]
    if not candidates:
        raise SettingsError("pg_dump was not found. Put PostgreSQL's bin folder on the PATH.")
    return str(max(candidates, key=lambda path: float(path.relative_to(_DEBIAN).parts[0])))


def _parts(place: Path, name: str) -> Iterator[Part]:
    """The files of `place`/`name` (a file or a folder), closed to others, each with its size and digest."""
    root = place / name
    if root.is_dir():
        root.chmod(0o700)
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if path.is_file():
            yield Part(
                name=path.relative_to(place).as_posix(), bytes=path.stat().st_size, sha256=_digest(path)
            )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    """A new file, 0600. Raises FileExistsError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _clear(place: Path) -> None:
    for path in place.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
