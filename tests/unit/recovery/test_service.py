from typing import Any

import pytest

from common.errors import BackupConflict, InvalidRequest, NotFound, RateLimited
from common.identity import Caller, IndexKey
from common.recovery import BackupQuery, NewBackup, Recovery
from common.recovery.model import Backup
from tests.fakes.clock import FakeClock
from tests.fakes.quotas import FakeQuotas
from tests.fakes.recovery import FakeBackupStore
from tests.signing import backup, digest

DAY = 86_400
ALICE = Caller(uid="alice1", session="s" * 22, device="d")
BOB = Caller(uid="bob1", session="t" * 22, device="e")


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeBackupStore()
        self.recovery = Recovery(
            store=self.store, quotas=FakeQuotas(), index_key=IndexKey(bytes(32)), clock=self.clock
        )

    async def save(self, n: int, caller: Caller = ALICE, **changed: Any) -> Backup:
        return await self.recovery.save(NewBackup(n, backup(caller.uid, n, **changed), "proof"), caller)

    async def read(self, n: int, caller: Caller = ALICE) -> dict[str, Any]:
        return (await self.recovery.read(BackupQuery(n, "proof"), caller)).json()


@pytest.fixture
def world() -> World:
    return World()


async def test_a_backup_is_kept_byte_for_byte(world: World) -> None:
    saved = await world.save(1)
    text = backup("alice1", 1)
    assert (saved.n, saved.hash) == (1, digest(text))
    assert await world.read(1) == {"n": 1, "backup": text}
    assert world.store.acts == [("alice1", "key-backup-saved"), ("alice1", "key-backup-read")]


async def test_the_same_again_is_answered_alike(world: World) -> None:
    first = await world.save(1)
    await world.save(2)
    assert await world.save(1) == first
    assert world.store.acts == [("alice1", "key-backup-saved")] * 2


async def test_a_backup_follows_the_newest_one(world: World) -> None:
    for n in (2, 3):
        with pytest.raises(BackupConflict) as caught:
            await world.save(n)
        assert caught.value.members == {"n": 0}
    await world.save(1)
    for n, changed in ((1, {"ciphertext": "AAAA"}), (3, {})):
        with pytest.raises(BackupConflict) as caught:
            await world.save(n, **changed)  # type: ignore[arg-type]
        assert caught.value.members == {"n": 1}
    assert await world.save(1, BOB)


async def test_what_is_not_sealed_is_neither_kept_nor_counted(world: World) -> None:
    for _ in range(25):
        with pytest.raises(InvalidRequest):
            await world.save(1, header={"m": 7})
        with pytest.raises(InvalidRequest):
            await world.recovery.save(NewBackup(1, backup("bob1", 1), "proof"), ALICE)
    assert world.store.backups == {}
    await world.save(1)


async def test_twenty_are_saved_a_day(world: World) -> None:
    for n in range(1, 21):
        await world.save(n)
    with pytest.raises(RateLimited) as caught:
        await world.save(21)
    assert caught.value.retry_after == DAY - int(world.clock.now) % DAY
    assert max(world.store.backups["alice1"]) == 20
    await world.save(1, BOB)
    await world.read(20)
    world.clock.now += caught.value.retry_after
    await world.save(21)


async def test_ten_are_read_a_day(world: World) -> None:
    await world.save(1)
    await world.save(1, BOB)
    for _ in range(10):
        await world.read(1)
    with pytest.raises(RateLimited) as caught:
        await world.read(1)
    assert len(world.store.acts) == 12
    await world.read(1, BOB)
    await world.save(2)
    world.clock.now += caught.value.retry_after
    await world.read(1)


async def test_trying_numbers_counts_as_reading(world: World) -> None:
    for n in range(1, 11):
        with pytest.raises(NotFound, match=r"^This account has no such backup\.$"):
            await world.read(n)
    with pytest.raises(RateLimited):
        await world.read(1)
    assert world.store.acts == []


async def test_nobody_reads_anothers(world: World) -> None:
    await world.save(1)
    with pytest.raises(NotFound):
        await world.read(1, BOB)


@pytest.mark.parametrize("n", [0, -1, 2**53, True])
def test_a_number_is_one(n: int) -> None:
    for make in (lambda: NewBackup(n, "{}", ""), lambda: BackupQuery(n, "")):
        with pytest.raises(InvalidRequest, match=r"^n must be a whole number from 1 to"):
            make()


@pytest.mark.parametrize("text", ["x" * 98_305, "\u00e9", "\ud800"], ids=["too long", "not ASCII", "half"])
def test_a_backup_is_ascii_and_bounded(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^The backup must be ASCII and have 98304 bytes at most\.$"):
        NewBackup(1, text, "")
    assert NewBackup(1, "x" * 98_304, "").n == 1
