import asyncio
import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from common.backups.model import Manifest, Part
from common.backups.ports import Archive
from common.errors import Unavailable
from common.storage.backups import EmulatorExport, FolderArchive, PostgresDump
from common.storage.firestore.client import FirestoreClient
from common.storage.firestore.messages import FirestoreMessages
from common.storage.postgres.pool import Pool
from scripts.local.stack import Backing
from tests.contract.test_message_log import message
from tests.contract.world import RealWorld
from tests.fakes.backups import FakeArchive

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
