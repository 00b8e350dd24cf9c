import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from common.errors import BackupConflict
from common.identity import Caller
from common.recovery.model import Backup
from common.recovery.ports import BackupStore
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.audit import PostgresAudit
from common.storage.postgres.key_backups import PostgresKeyBackups
from common.storage.postgres.pool import Pool
from tests.contract.world import NOW, RealWorld, new_session, thumbprint
from tests.fakes.recovery import FakeBackupStore


@dataclass
class Shelf:
    store: BackupStore
    join: Callable[[], Awaitable[Caller]]
    announce: Callable[[str, int], Awaitable[None]]
    end: Callable[[str], Awaitable[None]]
    acts: Callable[[str], Awaitable[list[str]]]


@pytest.fixture(params=["fake", "real"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    return fake_shelf() if request.param == "fake" else real_shelf(request)


def fake_shelf() -> Shelf:
    store = FakeBackupStore()

    async def join() -> Caller:
        session = new_session()
        return Caller(uid=session.uid, session=session.id, device=session.device)

    async def announce(uid: str, n: int) -> None:
        store.announced[uid] = n

    async def end(_uid: str) -> None:
        pass

    async def acts(uid: str) -> list[str]:
        return [act for owner, act in store.acts if owner == uid]

    return Shelf(store, join, announce, end, acts)


def real_shelf(request: pytest.FixtureRequest) -> Shelf:
    pool: Pool = request.getfixturevalue("pool")
    firestore: FirestoreClient = request.getfixturevalue("firestore")

    async def announce(uid: str, n: int) -> None:
        await end(uid)
        await pool.run(
            "insert into history_keys (kid, uid, backup_n, backup_hash, living) values (:kid, :uid, :n, :kid, true)",
            kid=thumbprint(),
            uid=uid,
            n=n,
        )

    async def end(uid: str) -> None:
        await pool.run("update history_keys set living = false where uid = :uid", uid=uid)

    async def acts(uid: str) -> list[str]:
        entries = await PostgresAudit(pool).read(uid, before=None, most=100)
        return [entry.act for entry in reversed(entries) if entry.act.startswith("key-backup")]

    return Shelf(PostgresKeyBackups(pool), RealWorld(pool, firestore).join, announce, end, acts)


def sealed(n: int) -> Backup:
    return Backup(n=n, hash=thumbprint(), text=f'{{"n":{n},"x":"{thumbprint()}"}}')


async def kept(shelf: Shelf, caller: Caller, upto: int = 12) -> list[int]:
    return [n for n in range(1, upto) if await shelf.store.read(n, caller, NOW)]


async def test_a_backup_is_read_as_it_was_saved_by_its_account_alone(shelf: Shelf) -> None:
    caller, other = await shelf.join(), await shelf.join()
    backup = replace(sealed(1), text="x" * 98_304)
    await shelf.store.save(backup, caller, NOW)
    assert await shelf.store.read(1, caller, NOW) == backup
    assert await shelf.store.read(2, caller, NOW) is None
    assert await shelf.store.read(1, other, NOW) is None
    assert await shelf.acts(caller.uid) == ["key-backup-saved", "key-backup-read"]
    assert await shelf.acts(other.uid) == []


async def test_the_newest_three_are_kept_and_the_one_that_is_announced(shelf: Shelf) -> None:
    caller, other = await shelf.join(), await shelf.join()
    for n in range(1, 6):
        await shelf.store.save(sealed(n), caller, NOW)
        await shelf.store.save(sealed(n), other, NOW)
        if n == 2:
            await shelf.announce(caller.uid, 2)
    assert await kept(shelf, caller) == [2, 3, 4, 5]
    assert await kept(shelf, other) == [3, 4, 5]
    await shelf.announce(caller.uid, 4)
    for n in range(6, 9):
        await shelf.store.save(sealed(n), caller, NOW)
    assert await kept(shelf, caller) == [4, 6, 7, 8]


async def test_the_one_that_was_announced_last_is_kept_when_its_key_has_ended(shelf: Shelf) -> None:
    caller = await shelf.join()
    for n in range(1, 3):
        await shelf.store.save(sealed(n), caller, NOW)
        await shelf.announce(caller.uid, n)
    await shelf.end(caller.uid)
    for n in range(3, 6):
        await shelf.store.save(sealed(n), caller, NOW)
    assert await kept(shelf, caller) == [2, 3, 4, 5]


async def test_the_same_again_changes_nothing_whatever_came_after(shelf: Shelf) -> None:
    caller = await shelf.join()
    backups = [sealed(n) for n in range(1, 4)]
    for backup in backups:
        await shelf.store.save(backup, caller, NOW)
    for backup in backups:
        await shelf.store.save(backup, caller, NOW + 1)
    assert await shelf.acts(caller.uid) == ["key-backup-saved"] * 3


@pytest.mark.parametrize("n", [1, 2, 4, 2**53 - 1])
async def test_what_does_not_follow_is_a_conflict(shelf: Shelf, n: int) -> None:
    caller = await shelf.join()
    with pytest.raises(BackupConflict) as conflict:
        await shelf.store.save(sealed(2), caller, NOW)
    assert conflict.value.members == {"n": 0}
    for number in (1, 2):
        await shelf.store.save(sealed(number), caller, NOW)
    with pytest.raises(BackupConflict) as conflict:
        await shelf.store.save(sealed(n), caller, NOW)
    assert conflict.value.members == {"n": 2}
    assert await shelf.acts(caller.uid) == ["key-backup-saved"] * 2


async def test_of_several_at_once_one_is_the_next(shelf: Shelf) -> None:
    caller = await shelf.join()
    results = await asyncio.gather(
        *(shelf.store.save(sealed(1), caller, NOW) for _ in range(4)), return_exceptions=True
    )
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, BackupConflict) for result in results) == 3
    same = sealed(2)
    await asyncio.gather(*(shelf.store.save(same, caller, NOW) for _ in range(4)))
    assert await shelf.acts(caller.uid) == ["key-backup-saved"] * 2
