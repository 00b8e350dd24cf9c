"""What archives and exports keep to: in memory, in a folder, in a bucket; and local databases, whose exports are real."""

import asyncio
import base64
import gzip
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google_crc32c
import pytest

from common.backups import BackupRefused, Backups, Manifest, Outcome
from common.backups.dump import read_dump
from common.backups.model import Done, ExportRefused, Failed, Object
from common.backups.ports import Archive
from common.clock import deadline, wall_clock
from common.errors import DeadlineExceeded, Unavailable
from common.settings import SettingsError
from common.storage.backups import dump, emulator
from common.storage.backups.bucket import BucketArchive
from common.storage.backups.dump import DumpedRelations
from common.storage.backups.emulator import EmulatorDocuments
from common.storage.backups.folder import FolderArchive
from common.storage.firestore.client import FirestoreClient
from common.storage.firestore.messages import FirestoreMessages
from common.storage.postgres.connect import plain
from common.storage.postgres.pool import Pool
from scripts.local.stack import Backing
from scripts.local.wire import GrpcWatch, PostgresWatch, proxied
from tests.contract.storage_server import StorageServer
from tests.contract.test_message_log import message
from tests.contract.world import RealWorld
from tests.fakes.backups import FakeArchive

AsyncContext = AbstractAsyncContextManager[None]
NAME, LATER = "2026-11-22", "2026-11-22.2"
OURS_ALONE = {0o600, 0o700}
LOGGED = "select relname from pg_class where relkind = 'r' and relpersistence = 'p' and relnamespace = 'public'::regnamespace"


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.rglob("*")}


@pytest.fixture
def bucket() -> Iterator[StorageServer]:
    with StorageServer("demo-backups") as server:
        yield server


@pytest.fixture(params=["fake", "folder", "bucket"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    match request.param:
        case "fake":
            return FakeArchive()
        case "folder":
            return FolderArchive(tmp_path / "a folder")
        case _:
            server: StorageServer = request.getfixturevalue("bucket")
            return BucketArchive(project="demo", bucket="demo-backups", client=server.client())


async def content_of(archive: Archive, name: str) -> bytes:
    return b"".join([piece async for piece in archive.open(name)])


async def test_a_folder_is_a_backup_once_it_has_an_object(tmp_path: Path) -> None:
    """As in a bucket: another call may look while the first object is being written."""
    archive = FolderArchive(tmp_path)
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / ".begun.json.draft").touch()
    assert await archive.names() == []
    await archive.create(f"{NAME}/begun.json", b"{}")
    assert await archive.names() == [NAME]


async def test_an_object_is_created_once_and_stays(archive: Archive) -> None:
    name = f"{NAME}/begun.json"
    assert await archive.read(name) is None
    made = await asyncio.gather(*(archive.create(name, b"%d" % n) for n in range(8)))
    assert sorted(made) == [False] * 7 + [True]
    assert await archive.read(name) == b"%d" % made.index(True)
    assert not await archive.create(name, b"other")
    assert await archive.create(f"{NAME}/failed.json", b"other")


async def test_names_are_of_backups_alone_the_oldest_first(archive: Archive) -> None:
    assert list(await archive.names()) == []
    for name in ("2026-11-23", LATER, NAME, "2025-01-01"):
        await archive.create(f"{name}/begun.json", b"{}")
        await archive.create(f"{name}/manifest.json", b"{}")
    if not isinstance(archive, FakeArchive):
        await archive.create("lost+found/readme", b"x")
    assert list(await archive.names()) == ["2025-01-01", NAME, LATER, "2026-11-23"]


async def test_objects_are_told_by_size_and_checksum(archive: Archive) -> None:
    contents = {f"{NAME}/documents/all/output-{n}": os.urandom(n * 1_000) for n in range(3)}
    for name, content in contents.items():
        await archive.create(name, content)
    await archive.create(f"{NAME}/relations.sql.gz", b"relations")
    await archive.create(f"{LATER}/documents/all/output-0", b"of another")
    assert list(await archive.objects(f"{NAME}/documents/")) == [
        Object(
            name=name,
            bytes=len(content),
            crc32c=base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode(),
        )
        for name, content in contents.items()
    ]
    (dump,) = await archive.objects(f"{NAME}/relations.sql.gz")
    assert (dump.name, dump.bytes) == (f"{NAME}/relations.sql.gz", 9)
    assert list(await archive.objects(f"{NAME}/none/")) == []


async def test_a_large_object_comes_in_pieces(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.storage.backups.bucket._CHUNK", 1 << 16)
    monkeypatch.setattr("common.storage.backups.folder._CHUNK", 1 << 16)
    content = os.urandom(3 * (1 << 16))
    await archive.create(f"{NAME}/relations.sql.gz", content)
    assert await content_of(archive, f"{NAME}/relations.sql.gz") == content
    await archive.create(f"{LATER}/relations.sql.gz", b"")
    assert await content_of(archive, f"{LATER}/relations.sql.gz") == b""
    with pytest.raises(BackupRefused, match="missing"):
        await content_of(archive, f"{NAME}/relations.sql")


async def test_a_folder_is_ours_alone_and_has_no_drafts(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "backups")
    await archive.create(f"{NAME}/begun.json", b"{}")
    await archive.create(f"{NAME}/begun.json", b"{}")
    assert [path.name for path in (tmp_path / "backups" / NAME).iterdir()] == ["begun.json"]
    assert modes(tmp_path) <= OURS_ALONE


async def test_a_folder_that_cannot_be_written_or_read_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    archive = FolderArchive(tmp_path / "file")
    for call in (archive.names(), archive.create(f"{NAME}/begun.json", b"{}")):
        with pytest.raises(Unavailable):
            await call


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process or its children can grow beyond 64 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_leaves_no_half_object(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    with full_disk(), pytest.raises(Unavailable, match="written"):
        await archive.create(f"{NAME}/manifest.json", b"x" * 200_000)
    assert await archive.read(f"{NAME}/manifest.json") is None
    assert await archive.create(f"{NAME}/failed.json", b"{}")
    assert [path.name for path in (tmp_path / NAME).iterdir()] == ["failed.json"]


@pytest.fixture
def place(tmp_path: Path, backing: Backing, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a begun backup, and pg_dump on the PATH."""
    monkeypatch.setenv("PATH", str(backing.postgres_programs), prepend=os.pathsep)
    asyncio.run(FolderArchive(tmp_path).create(f"{NAME}/begun.json", b"{}"))
    return tmp_path


@pytest.fixture
def documents(place: Path, project: str, backing: Backing) -> EmulatorDocuments:
    return EmulatorDocuments(folder=place, host=f"127.0.0.1:{backing.ports.firestore}", project=project)


async def test_local_databases_are_backed_up_and_the_backup_says_what_it_holds(
    place: Path, dsn: str, pool: Pool, firestore: FirestoreClient, documents: EmulatorDocuments
) -> None:
    caller = await RealWorld(pool, firestore).join()
    sent = message()
    await FirestoreMessages(firestore).append(sent)
    archive = FolderArchive(place / "backups")
    backups = Backups(
        archive=archive,
        documents=replace(documents, folder=place / "backups"),
        relations=DumpedRelations(folder=place / "backups", dsn=dsn),
        project=documents.project,
        clock=wall_clock,
    )
    begun = await backups.begin()
    assert begun.state == "started"
    assert (
        await asyncio.gather(*(backups.check() for _ in range(3)))
        == [Outcome(name=begun.name, state="complete")] * 3
    )
    folder = place / "backups" / begun.name
    manifest = Manifest.read(
        (folder / "manifest.json").read_bytes(), project=documents.project, name=begun.name
    )
    tables = await pool.run(LOGGED)
    counted = {name: (await pool.run(f"select count(*) from {name}"))[0][0] for (name,) in tables}  # noqa: S608 - a table's own name
    assert manifest.rows == counted
    newest = await pool.run("select name from migrations order by number desc limit 1")
    assert [manifest.migration] == newest[0]
    assert manifest.documents >= 1
    assert {part.name for part in manifest.objects} == {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".json"
    }
    for part in manifest.objects:
        content = (folder / part.name).read_bytes()
        checksum = base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()
        assert (part.bytes, part.crc32c) == (len(content), checksum)
    assert caller.session.encode() in gzip.decompress((folder / "relations.sql.gz").read_bytes())
    assert any(
        sent.id.encode() in (folder / part.name).read_bytes()
        for part in manifest.objects
        if part.name.startswith("documents/")
    )
    assert modes(place / "backups") <= OURS_ALONE


async def test_the_documents_of_an_export_are_counted_apart_from_all_others(
    documents: EmulatorDocuments, firestore: FirestoreClient
) -> None:
    for _ in range(3):
        await FirestoreMessages(firestore).append(message())
    await FolderArchive(documents.folder).create(f"{LATER}/begun.json", b"{}")
    operation = await documents.start(f"{NAME}/documents", 0)
    before = await documents.look(operation)
    await FirestoreMessages(firestore).append(message())
    assert isinstance(before, Done)
    assert before.count >= 3
    assert list(await asyncio.gather(*(documents.look(operation) for _ in range(2)))) == [before, before]
    later = await documents.look(await documents.start(f"{LATER}/documents", 0))
    assert later == Done(before.count + 1)


async def test_counting_leaves_nothing_behind(
    documents: EmulatorDocuments,
    firestore: FirestoreClient,
    monkeypatch: pytest.MonkeyPatch,
    backing: Backing,
) -> None:
    monkeypatch.setattr(emulator, "_scratch", lambda: "demo-count-known")
    sent = message()
    await FirestoreMessages(firestore).append(sent)
    operation = await documents.start(f"{NAME}/documents", 0)
    counted = await documents.look(operation)
    assert counted == await documents.look(operation) != Done(0)
    scratch = FirestoreClient("demo-count-known", f"127.0.0.1:{backing.ports.firestore}", documents.database)
    assert await scratch.get("conversations", sent.conversation, "messages", sent.id) is None
    await scratch.close()


async def test_an_export_that_cannot_be_read_has_failed(place: Path, documents: EmulatorDocuments) -> None:
    operation = await documents.start(f"{NAME}/documents", 0)
    assert await documents.look(f"{LATER}/documents") == Failed("The documents' export has no index.")
    (index,) = (place / operation).glob("*.overall_export_metadata")
    index.write_bytes(b"\xff" * 40)
    assert await documents.look(operation) == Failed("The documents' export cannot be read.")


async def test_an_emulator_that_is_not_there_is_unavailable(documents: EmulatorDocuments) -> None:
    with pytest.raises(Unavailable):
        await replace(documents, host="127.0.0.1:1").start(f"{NAME}/documents", 0)


async def test_an_export_that_cannot_be_written_is_refused(place: Path, documents: EmulatorDocuments) -> None:
    (place / LATER).write_bytes(b"no folder")
    with pytest.raises(ExportRefused, match="could not write"):
        await documents.start(f"{LATER}/documents", 0)


async def test_a_dump_that_fails_says_so_without_the_dsn(place: Path) -> None:
    relations = DumpedRelations(folder=place, dsn="postgresql://someone:secret@127.0.0.1:1/none")
    with pytest.raises(ExportRefused) as failed:
        await relations.start(f"{NAME}/relations.sql.gz")
    assert "secret" not in str(failed.value)


async def test_a_dump_never_replaces_another(place: Path, dsn: str) -> None:
    relations = DumpedRelations(folder=place, dsn=dsn)
    await relations.start(f"{NAME}/relations.sql.gz")
    first = (place / NAME / "relations.sql.gz").read_bytes()
    with pytest.raises(ExportRefused, match="written"):
        await relations.start(f"{NAME}/relations.sql.gz")
    assert (place / NAME / "relations.sql.gz").read_bytes() == first


async def test_a_server_that_dies_in_the_middle_makes_no_dump(place: Path, dsn: str) -> None:
    """pg_dump waits for a table, having read the catalogue, and its connection is ended."""
    holder, killer = plain(dsn)(10), plain(dsn)(10)
    holder.simple("begin; lock table accounts in access exclusive mode")
    dumping = asyncio.create_task(DumpedRelations(folder=place, dsn=dsn).start(f"{NAME}/relations.sql.gz"))
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name = 'pg_dump' and wait_event_type = 'Lock'"
    )
    await asyncio.to_thread(lambda: next(filter(None, iter(lambda: killer.simple(end), None))))
    holder.close()
    killer.close()
    with pytest.raises(ExportRefused, match="could not dump"):
        await dumping
    with pytest.raises(BackupRefused):
        await read_dump(FolderArchive(place).open(f"{NAME}/relations.sql.gz"))


async def test_a_disk_that_is_full_makes_no_dump(place: Path, dsn: str, pool: Pool) -> None:
    """Random text, so that it stays large when it is zipped."""
    await pool.run("create table noise as select gen_random_uuid() from generate_series(1, 5000)")
    try:
        with full_disk(), pytest.raises(ExportRefused, match="could not dump"):
            await DumpedRelations(folder=place, dsn=dsn).start(f"{NAME}/relations.sql.gz")
    finally:
        await pool.run("drop table noise")
    with pytest.raises(BackupRefused):
        await read_dump(FolderArchive(place).open(f"{NAME}/relations.sql.gz"))


@pytest.fixture(params=["its own time", "the call's"])
def hurried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AsyncContext]:
    """Makes the time of an export short."""
    if request.param == "the call's":
        return lambda: deadline(0.3)
    monkeypatch.setattr(emulator, "_AT_MOST", 0.3)
    monkeypatch.setattr(dump, "_AT_MOST", 0.3)
    return nullcontext


async def test_a_frozen_emulator_costs_the_time_and_no_more(
    documents: EmulatorDocuments, backing: Backing, hurried: Callable[[], AsyncContext]
) -> None:
    async with proxied(backing.ports.firestore, GrpcWatch()) as proxy:
        proxy.freeze()
        with pytest.raises(DeadlineExceeded):
            async with hurried():
                await replace(documents, host=f"127.0.0.1:{proxy.port}").start(f"{NAME}/documents", 0)


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
                await DumpedRelations(folder=place, dsn=frozen).start(f"{NAME}/relations.sql.gz")
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_the_newest_pg_dump_of_debians_is_taken_if_the_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(dump, "_DEBIAN", tmp_path)
    with pytest.raises(SettingsError, match="pg_dump was not found"):
        dump.pg_dump()
    for version, mode in (("9.6", 0o755), ("16", 0o755), ("15", 0o755), ("17", 0o644)):
        program = tmp_path / version / "bin" / "pg_dump"
        program.parent.mkdir(parents=True)
        program.touch(mode)
    assert dump.pg_dump() == str(tmp_path / "16" / "bin" / "pg_dump")
