import asyncio
import hashlib
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from common.backups.model import Manifest, Part
from common.backups.ports import Archive
from common.clock import deadline
from common.errors import DeadlineExceeded, Unavailable
from common.settings import SettingsError
from common.storage import backups
from common.storage.backups import EmulatorExport, FolderArchive, PostgresDump
from common.storage.firestore.client import FirestoreClient
from common.storage.firestore.messages import FirestoreMessages
from common.storage.postgres.pool import Pool
from scripts.local.stack import Backing
from tests.contract.test_message_log import message
from tests.contract.wire import GrpcWatch, PostgresWatch, proxied
from tests.contract.world import RealWorld
from tests.fakes.backups import FakeArchive

AsyncContext = AbstractAsyncContextManager[None]
DAY, NEXT = "2026-11-22", "2026-11-23"
OURS_ALONE = {0o600, 0o700}


def manifest(day: str = DAY, parts: tuple[Part, ...] = ()) -> Manifest:
    at = f"{day}T03:00:00+00:00"
    return Manifest(day=day, project="demo", started_at=at, finished_at=at, documents=parts, relations=())


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.rglob("*")}


@pytest.fixture(params=["fake", "real"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    return FakeArchive() if request.param == "fake" else FolderArchive(tmp_path / "a folder")


@pytest.fixture
def place(tmp_path: Path, backing: Backing, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a claimed day, and pg_dump on the PATH."""
    monkeypatch.setenv("PATH", str(backing.postgres_programs), prepend=os.pathsep)
    asyncio.run(FolderArchive(tmp_path).claim(DAY))
    return tmp_path


async def test_a_day_is_claimed_once(archive: Archive) -> None:
    tries = await asyncio.gather(*(archive.claim(DAY) for _ in range(8)), return_exceptions=True)
    assert [made for made in tries if not isinstance(made, Unavailable)] == [True]
    with pytest.raises(Unavailable, match="being made"):
        await archive.claim(DAY)
    assert await archive.claim(NEXT)


async def test_a_complete_day_stays_so(archive: Archive) -> None:
    await archive.claim(DAY)
    await archive.complete(manifest())
    assert not await archive.claim(DAY)
    assert await archive.claim(NEXT)


async def test_an_abandoned_day_may_be_begun_anew(archive: Archive) -> None:
    await archive.claim(DAY)
    await archive.abandon(DAY)
    assert await archive.claim(DAY)


async def test_the_manifest_is_whole_and_ours_alone(tmp_path: Path) -> None:
    archive, parts = FolderArchive(tmp_path), (Part(name="documents/x", bytes=1, sha256="00"),)
    await archive.claim(DAY)
    await archive.complete(manifest(parts=parts))
    assert [path.name for path in (tmp_path / DAY).iterdir()] == ["manifest.json"]
    assert json.loads((tmp_path / DAY / "manifest.json").read_text()) == manifest(parts=parts).json()
    assert modes(tmp_path) <= OURS_ALONE


async def test_a_claim_whose_call_has_died_is_taken_over(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    await archive.claim(DAY)
    (tmp_path / DAY / "relations.dump").write_bytes(b"half")
    old = time.time() - 2 * 3_600
    os.utime(tmp_path / DAY / "claim", (old, old))
    assert await archive.claim(DAY)
    assert [path.name for path in (tmp_path / DAY).iterdir()] == ["claim"]


async def test_a_day_completed_between_two_looks_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, write = FolderArchive(tmp_path), backups._write

    def write_after_the_others(path: Path, content: bytes) -> None:
        (path.parent / "manifest.json").write_bytes(b"{}")
        write(path, content)

    monkeypatch.setattr(backups, "_write", write_after_the_others)
    assert not await archive.claim(DAY)
    assert [path.name for path in (tmp_path / DAY).iterdir()] == ["manifest.json"]


async def test_abandoning_removes_what_was_written(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    await archive.claim(DAY)
    (tmp_path / DAY / "documents").mkdir()
    (tmp_path / DAY / "documents" / "part").write_bytes(b"half")
    await archive.abandon(DAY)
    assert list((tmp_path / DAY).iterdir()) == []


async def test_a_dump_holds_the_relations(
    place: Path, dsn: str, pool: Pool, firestore: FirestoreClient, backing: Backing
) -> None:
    caller = await RealWorld(pool, firestore).join()
    (part,) = await PostgresDump(place, dsn=dsn).write(DAY)
    dump = place / DAY / part.name
    assert (part.bytes, part.sha256) == (dump.stat().st_size, hashlib.sha256(dump.read_bytes()).hexdigest())
    assert modes(place) <= OURS_ALONE
    restore = backing.postgres_programs / "pg_restore"
    process = await asyncio.create_subprocess_exec(
        restore, "--data-only", "--table=sessions", "--file=-", dump, stdout=asyncio.subprocess.PIPE
    )
    restored, _ = await process.communicate()
    assert caller.session.encode() in restored


async def test_a_dump_that_fails_says_so_without_the_dsn(place: Path) -> None:
    with pytest.raises(Unavailable) as failed:
        await PostgresDump(place, dsn="postgresql://someone:secret@127.0.0.1:1/none").write(DAY)
    assert "secret" not in str(failed.value)


async def test_an_export_holds_the_documents(
    place: Path, firestore: FirestoreClient, project: str, backing: Backing
) -> None:
    sent = message()
    await FirestoreMessages(firestore).append(sent)
    parts = await EmulatorExport(place, host=f"127.0.0.1:{backing.ports.firestore}", project=project).write(
        DAY
    )
    assert {part.name for part in parts} >= {"documents/documents.overall_export_metadata"}
    assert any(sent.id.encode() in (place / DAY / part.name).read_bytes() for part in parts)
    assert all(
        part.sha256 == hashlib.sha256((place / DAY / part.name).read_bytes()).hexdigest() for part in parts
    )
    assert modes(place) <= OURS_ALONE


async def test_an_emulator_that_is_not_there_is_unavailable(place: Path) -> None:
    with pytest.raises(Unavailable):
        await EmulatorExport(place, host="127.0.0.1:1", project="demo").write(DAY)


async def test_an_export_that_cannot_be_written_is_unavailable(tmp_path: Path, backing: Backing) -> None:
    (tmp_path / DAY).write_bytes(b"no folder")
    export = EmulatorExport(tmp_path, host=f"127.0.0.1:{backing.ports.firestore}", project="demo")
    with pytest.raises(Unavailable, match="could not write"):
        await export.write(DAY)


@pytest.fixture(params=["its own time", "the call's"])
def hurried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AsyncContext]:
    """Makes the time of an export short."""
    if request.param == "the call's":
        return lambda: deadline(0.3)
    monkeypatch.setattr(backups, "_AT_MOST", 0.3)
    return nullcontext


async def test_a_frozen_emulator_costs_the_time_and_no_more(
    place: Path, backing: Backing, hurried: Callable[[], AsyncContext]
) -> None:
    async with proxied(backing.ports.firestore, GrpcWatch()) as proxy:
        proxy.freeze()
        with pytest.raises(DeadlineExceeded):
            async with hurried():
                await EmulatorExport(place, host=f"127.0.0.1:{proxy.port}", project="demo").write(DAY)


async def test_a_frozen_server_costs_the_time_and_leaves_no_pg_dump(
    place: Path, dsn: str, hurried: Callable[[], AsyncContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def noted(*words: Any, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*words, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    url = urlsplit(dsn)
    async with proxied(url.port or 0, PostgresWatch()) as proxy:
        proxy.freeze()
        frozen = url._replace(netloc=f"{url.username}@127.0.0.1:{proxy.port}").geturl()
        with pytest.raises(DeadlineExceeded):
            async with hurried():
                await PostgresDump(place, dsn=frozen).write(DAY)
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_the_newest_pg_dump_of_debians_is_taken_if_the_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(backups, "_DEBIAN", tmp_path)
    with pytest.raises(SettingsError, match="pg_dump was not found"):
        backups._pg_dump()
    for version, mode in (("9.6", 0o755), ("16", 0o755), ("15", 0o755), ("17", 0o644)):
        program = tmp_path / version / "bin" / "pg_dump"
        program.parent.mkdir(parents=True)
        program.touch(mode)
    assert backups._pg_dump() == str(tmp_path / "16" / "bin" / "pg_dump")
