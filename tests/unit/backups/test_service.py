import asyncio
from datetime import UTC, datetime

import pytest

from common.backups import Backups, Outcome
from common.errors import Unavailable
from tests.fakes.backups import FakeArchive, FakeExport
from tests.fakes.clock import FakeClock

NEW_YEAR = datetime(2027, 1, 1, 3, 15, tzinfo=UTC).timestamp()


class World:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.clock = FakeClock(NEW_YEAR)
        self.documents = FakeExport("documents", self.calls)
        self.relations = FakeExport("relations", self.calls)
        self.archive = FakeArchive()
        self.backups = Backups(
            documents=self.documents,
            relations=self.relations,
            archive=self.archive,
            project="demo-sealpost",
            clock=self.clock,
        )


@pytest.fixture
def world() -> World:
    return World()


async def test_a_backup_holds_both_databases_and_says_so(world: World) -> None:
    assert await world.backups.run() == Outcome(day="2027-01-01", made=True)
    assert world.archive.manifests["2027-01-01"].json() == {
        "version": 1,
        "day": "2027-01-01",
        "project": "demo-sealpost",
        "started_at": "2027-01-01T03:15:00+00:00",
        "finished_at": "2027-01-01T03:15:00+00:00",
        "documents": [{"name": "documents/2027-01-01", "bytes": 1, "sha256": "0" * 64}],
        "relations": [{"name": "relations/2027-01-01", "bytes": 1, "sha256": "0" * 64}],
    }


async def test_documents_come_before_the_relations_that_they_name(world: World) -> None:
    await world.backups.run()
    assert world.calls == ["documents", "relations"]


async def test_a_second_call_of_the_day_does_nothing(world: World) -> None:
    await world.backups.run()
    world.clock.now += 3_600
    assert await world.backups.run() == Outcome(day="2027-01-01", made=False)
    assert world.calls == ["documents", "relations"]


async def test_of_two_calls_at_once_the_second_is_told_to_come_again(world: World) -> None:
    """The first may yet fail: only a backup that stands complete lets the scheduler rest."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(day: str) -> tuple[()]:
        begun.set()
        await go_on.wait()
        return ()

    world.relations.write = slowly  # type: ignore[method-assign]
    first = asyncio.create_task(world.backups.run())
    await begun.wait()
    with pytest.raises(Unavailable, match="being made"):
        await world.backups.run()
    go_on.set()
    assert (await first).made
    assert not (await world.backups.run()).made
    assert world.calls == ["documents"]


async def test_the_day_is_that_of_utc(world: World) -> None:
    world.clock.now = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    assert (await world.backups.run()).day == "2026-12-31"
    world.clock.now += 1
    assert await world.backups.run() == Outcome(day="2027-01-01", made=True)


@pytest.mark.parametrize("part", ["documents", "relations"])
async def test_a_fault_gives_the_day_back(world: World, part: str) -> None:
    export = getattr(world, part)
    export.fault = Unavailable("The server is gone.")
    with pytest.raises(Unavailable):
        await world.backups.run()
    assert (world.archive.claimed, world.archive.manifests) == (set(), {})
    export.fault = None
    assert (await world.backups.run()).made


async def test_a_cancelled_backup_gives_the_day_back(world: World) -> None:
    begun = asyncio.Event()

    async def never(day: str) -> tuple[()]:
        begun.set()
        await asyncio.Event().wait()
        return ()

    world.relations.write = never  # type: ignore[method-assign]
    task = asyncio.create_task(world.backups.run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.archive.claimed == set()
