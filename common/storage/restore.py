"""The relations of a backup into a new database: `python -m common.storage.restore NAME DATABASE DOCUMENTS`.

DOCUMENTS is the Firestore database that the backup's documents were imported into. With a MOMENT alone
(2026-11-22T03:00:00Z), the end of a restore for an instance that was cloned as of then, whose name begins with "restored".

In the cloud this is the job `restore`, inside the network. What it makes belongs to POSTGRES_OWNER. The server is named as
for migrate, the backup by GOOGLE_CLOUD_PROJECT and BACKUP_BUCKET (or BACKUP_FOLDER), and the list of what was ended since by
REVOCATIONS_BUCKET (or REVOCATIONS_FOLDER). Run again, it goes on, or replays a list that has grown; not on what is served,
POSTGRES_DATABASE, where people write meanwhile.
"""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from common.backups import looking
from common.backups.model import RELATIONS, BackupRefused, seconds
from common.backups.ports import Archive
from common.errors import DeadlineExceeded, Unavailable
from common.settings import SettingsError
from common.storage.backups.folder import FolderArchive
from common.storage.firestore import samples
from common.storage.firestore.matching import match
from common.storage.firestore.restored import Documents, in_cloud, in_emulator
from common.storage.postgres.connect import Connect, cloud_sql, plain
from common.storage.postgres.failures import ConnectionLost, StatementFailed
from common.storage.postgres.load import RestoreRefused, Target, load
from common.storage.postgres.migrate import MigrationError
from common.storage.postgres.reopen import Ended, accounts, members, reopen

_SERVER = "postgres"
"""The database that every server has."""


def ended(archive: Archive) -> Ended:
    """The list of what was erased and revoked, as it stands now.

    Raises:
        Unavailable, DeadlineExceeded.
    """

    async def names() -> list[str]:
        return [
            part.name
            for kind in ("accounts/", "sessions/", "devices/")
            for part in await archive.objects(kind)
        ]

    return Ended.of(asyncio.run(names()))


@contextmanager
def blocking(pieces: AsyncIterator[bytes]) -> Iterator[BinaryIO]:
    """An object that is open, as a file."""
    with asyncio.Runner() as runner, io.BufferedReader(_Pieces(pieces, runner)) as file:
        yield cast("BinaryIO", file)


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: AsyncIterator[bytes], runner: asyncio.Runner) -> None:
        self._pieces = pieces
        self._runner = runner
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        if not self._rest:
            self._rest = self._runner.run(self._next())
        taken, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(taken)] = taken
        return len(taken)

    async def _next(self) -> bytes:
        return await anext(self._pieces, b"")


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Exit status 0 when the database is ready, 1 with a sentence on stderr when it is not, 2 on wrong usage."""
    try:
        match arguments:
            case [moment]:
                _reopen(moment, environment)
            case [name, database, documents]:
                _restore(name, database, documents, environment)
            case _:
                return _fail("usage: restore NAME DATABASE DOCUMENTS, or restore MOMENT", status=2)
    except (BackupRefused, RestoreRefused, MigrationError, SettingsError) as error:
        return _fail(f"restore: {error}")
    except (Unavailable, DeadlineExceeded, ConnectionLost, StatementFailed) as error:
        return _fail(f"restore: a part was lost or refused us ({error}). Run it again: it goes on.")
    return 0


def _restore(name: str, database: str, documents: str, environment: Mapping[str, str]) -> None:
    if database == environment.get("POSTGRES_DATABASE"):
        raise RestoreRefused(f"{database} is served, and people write to it. It is left as it is.")
    project = environment.get("GOOGLE_CLOUD_PROJECT", "")
    archive = _archive(environment, "BACKUP", project)
    since = _archive(environment, "REVOCATIONS", project)
    manifest = looking.manifest(archive, project, name)
    looking.check(archive, manifest)
    _say(f"{name}: {len(manifest.objects)} objects, {manifest.size:,} bytes, as they were written")
    target = Target(
        name=database,
        backup=manifest.digest,
        server=_server(environment, _SERVER),
        connect=_server(environment, database),
        owner=environment.get("POSTGRES_OWNER"),
    )
    restored = _documents(environment, project, documents)
    stage = target.claim()
    if stage == "made":
        with blocking(archive.open(f"{name}/{RELATIONS}")) as dump:
            load(
                target,
                dump,
                migration=manifest.migration,
                rows=manifest.rows,
                tell=_say,
            )
    target.migrate()
    if stage in {"made", "loaded"}:
        seen = samples.check(restored, members(target), accounts(target))
        target.note("checked")
        _say(f"{seen} random messages, held against the relations")
    done = reopen(target, ended(since), backup=name, point=seconds(manifest.at))
    match(restored, members(target))
    target.note("ready")
    _say(
        f"{database} is ready: {done.accounts} accounts erased again, {done.sessions} sessions revoked again"
    )


def _reopen(moment: str, environment: Mapping[str, str]) -> None:
    try:
        point = seconds(moment)
    except ValueError:
        raise RestoreRefused("Name the moment of the clone in UTC, such as 2026-11-22T03:00:00Z.") from None
    dsn = urlsplit(environment.get("POSTGRES_DSN", ""))
    clone = environment.get("POSTGRES_INSTANCE", "").rpartition(":")[2] or dsn.path[1:]
    if not clone.startswith("restored"):
        raise RestoreRefused(f"{clone or 'This'} is no clone: the name of one begins with restored.")
    database = environment.get("POSTGRES_DATABASE") or clone
    connect, owner = _server(environment, database), environment.get("POSTGRES_OWNER")
    target = Target(name=database, backup=moment, server=connect, connect=connect, owner=owner)
    target.migrate()
    since = ended(_archive(environment, "REVOCATIONS", environment.get("GOOGLE_CLOUD_PROJECT", "")))
    done = reopen(target, since, backup=f"clone of {moment}", point=point)
    _say(f"{clone} is ready: {done.accounts} accounts erased again, {done.sessions} sessions revoked again")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the job's log


def _documents(environment: Mapping[str, str], project: str, database: str) -> Documents:
    if host := environment.get("FIRESTORE_EMULATOR_HOST"):
        return in_emulator(project, database, host)
    return in_cloud(project, database)


def _archive(environment: Mapping[str, str], name: str, project: str) -> Archive:
    folder, bucket = environment.get(f"{name}_FOLDER"), environment.get(f"{name}_BUCKET")
    if folder:
        return FolderArchive(Path(folder))
    if not bucket or not project:
        raise SettingsError(f"Set GOOGLE_CLOUD_PROJECT and {name}_BUCKET, or {name}_FOLDER.")
    from common.storage.backups.bucket import BucketArchive

    return BucketArchive(project=project, bucket=bucket)


def _server(environment: Mapping[str, str], database: str) -> Connect:
    if dsn := environment.get("POSTGRES_DSN"):
        return plain(urlsplit(dsn)._replace(path=f"/{database}").geturl())
    instance, user = environment.get("POSTGRES_INSTANCE", ""), environment.get("POSTGRES_USER", "")
    if not instance or not user:
        raise SettingsError("Name the server: POSTGRES_DSN, or POSTGRES_INSTANCE and POSTGRES_USER.")
    return cloud_sql(instance, user, database)


def _fail(sentence: str, *, status: int = 1) -> int:
    sys.stderr.write(f"{sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
