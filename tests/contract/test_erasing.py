"""An account goes with all that is its own, in the database role of those who operate the service."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.connect import plain
from common.storage.postgres.connection import Connection
from common.storage.postgres.erasing import PostgresErasure
from common.storage.postgres.pool import Pool
from scripts.local.layout import Layout
from scripts.local.stack import Backing, suite_environment
from tests.contract.world import NOW, RealWorld, encryption_key, new_session


async def test_what_is_only_its_own_goes_and_others_keep_theirs(
    dsn: str, pool: Pool, firestore: FirestoreClient
) -> None:
    world = RealWorld(pool, firestore)
    one, other = await world.join(), await world.join()
    again = await world.join(new_session(one.uid, one.device))
    first, _ = await world.publish(one)
    await world.publish(other)
    shared = await world.talk(one, other, (0, first.hash))
    alone = await world.talk(one, one, (0, first.hash))

    def operator(seconds: float) -> Connection:
        connection = plain(dsn)(seconds)
        connection.simple("set role sealpost_maintenance")
        return connection

    mine = Pool(connect=operator, size=1)
    try:
        erasure = PostgresErasure(mine)
        assert await erasure.sessions(one.uid) == tuple(sorted((one.session, again.session)))
        assert [await erasure.erase(one.uid) for _ in range(2)] == [True, False]
        assert await erasure.sessions(one.uid) == ()
    finally:
        mine.close()
    for table in ("accounts", "devices", "sessions", "statements", "encryption_keys", "members", "audit_log"):
        assert await pool.run(f"select * from {table} where uid = :uid", uid=one.uid) == []  # noqa: S608
    left = "select cid from conversations where cid = any(:cids::text[])"
    assert await pool.run(left, cids=[shared.id, alone.id]) == [[shared.id]]
    assert await world.sessions.standing(other, NOW)
    assert (await world.chains.publish(other, None, encryption_key(other, 2), NOW)).state == "active"


@pytest.mark.parametrize("words", [[], ["a b"], ["u", "v"], ["--help"]])
def test_the_command_wants_one_uid(words: list[str]) -> None:
    done = command(words, {})
    assert (done.returncode, done.stderr) == (2, "usage: erase UID\n")


@pytest.fixture
def real(pool: Pool, firestore: FirestoreClient) -> RealWorld:
    return RealWorld(pool, firestore)


async def test_the_command_notes_the_erasure_and_ends_everything(
    real: RealWorld, backing: Backing, project: str, dsn: str, tmp_path: Path
) -> None:
    one = await real.join()
    await real.live_sessions.put(one, expires_at=NOW + 60)
    environment = suite_environment(Layout(), backing, project=project, dsn=dsn, url="http://127.0.0.1:1")
    environment["REVOCATIONS_FOLDER"] = str(tmp_path)
    done = command([one.uid], environment | {"REVOCATIONS_FOLDER": "/proc/nowhere"})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert await real.sessions.standing(one, NOW)
    for sentence in (f"{one.uid} is erased.\n", f"There is no account {one.uid}; it is noted as erased.\n"):
        done = command([one.uid], environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, sentence, "")
    assert (tmp_path / "accounts" / one.uid).is_file()
    assert await real.sessions.standing(one, NOW) is None
    names = [document["name"] for document in backing.firestore.documents(project)]
    assert not [name for name in names if one.uid in name]


def command(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "common.suite.erase", *words],
        cwd=Layout().root,
        env=environment,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
