import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from common.backups import Backups, Manifest, Outcome
from common.backups.model import Done, ExportRefused, Failed, Object, Running
from common.backups.standing import standing
from common.errors import DeadlineExceeded, Unavailable
from tests.fakes.backups import FakeArchive, FakeExport, crc32c, zipped
from tests.fakes.clock import FakeClock

NEW_YEAR = datetime(2027, 1, 1, 3, 15, 20, tzinfo=UTC).timestamp()
MINUTE, HOUR = 60, 3_600
FIRST, SECOND, THIRD = "2027-01-01", "2027-01-01.2", "2027-01-01.3"


class World:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.clock = FakeClock(NEW_YEAR)
        self.archive = FakeArchive()
        self.documents = FakeExport(self.archive, self.calls, b"messages", inside="/all/output-0")
        self.relations = FakeExport(self.archive, self.calls, zipped())
        self.backups = Backups(
            archive=self.archive,
            documents=self.documents,
            relations=self.relations,
            project="demo-sealpost",
            clock=self.clock,
        )

    def end(self) -> None:
        self.documents.progress, self.relations.progress = Done(7), Done()

    def members(self, name: str) -> Any:
        return json.loads(self.archive.kept[name])

    async def state(self, name: str = FIRST) -> str:
        return (await standing(self.archive, name)).state

    async def complete(self) -> str:
        """A whole backup; gives its name."""
        begun = await self.backups.begin()
        self.end()
        assert await self.backups.check() == Outcome(name=begun.name, state="complete")
        return begun.name


@pytest.fixture
def world() -> World:
    return World()


async def test_a_backup_is_begun_and_says_what_was_started(world: World) -> None:
    assert await world.backups.begin() == Outcome(name=FIRST, state="started")
    at = "2027-01-01T03:15:00Z"
    assert world.members(f"{FIRST}/begun.json") == {
        "version": 1,
        "project": "demo-sealpost",
        "name": FIRST,
        "at": at,
    }
    assert world.members(f"{FIRST}/operations.json") == {
        "documents": f"operation of {FIRST}/documents",
        "relations": f"operation of {FIRST}/relations.sql.gz",
    }
    assert datetime.fromtimestamp(world.documents.at or 0, UTC).isoformat() == "2027-01-01T03:15:00+00:00"


async def test_documents_come_before_the_relations_that_they_name(world: World) -> None:
    await world.backups.begin()
    assert world.calls == [f"{FIRST}/documents", f"{FIRST}/relations.sql.gz"]


@pytest.mark.parametrize("seconds", [-20, -16])
async def test_the_minute_of_a_backup_has_passed_on_every_clock(world: World, seconds: int) -> None:
    world.clock.now += seconds
    await world.backups.begin()
    assert world.members(f"{FIRST}/begun.json")["at"] == "2027-01-01T03:14:00Z"


async def test_a_backup_is_named_after_the_day_of_its_minute(world: World) -> None:
    world.clock.now = datetime(2027, 1, 2, 0, 0, 3, tzinfo=UTC).timestamp()
    assert (await world.backups.begin()).name == FIRST


async def test_a_complete_backup_says_all_that_it_holds(world: World) -> None:
    await world.backups.begin()
    assert await world.backups.check() == Outcome(name=FIRST, state="running")
    world.documents.progress = Done(7)
    assert await world.backups.check() == Outcome(name=FIRST, state="running")
    world.relations.progress = Done()
    world.clock.now += 10 * MINUTE
    assert await world.backups.check() == Outcome(name=FIRST, state="complete")
    content = world.archive.kept[f"{FIRST}/manifest.json"]
    assert Manifest.read(content, project="demo-sealpost", name=FIRST) == Manifest(
        project="demo-sealpost",
        name=FIRST,
        at="2027-01-01T03:15:00Z",
        finished_at="2027-01-01T03:25:20Z",
        objects=(
            Object(name="documents/all/output-0", bytes=8, crc32c=crc32c(b"messages")),
            Object(
                name="relations.sql.gz",
                bytes=len(world.relations.content),
                crc32c=crc32c(world.relations.content),
            ),
        ),
        documents=7,
        migration="0002_roles.sql",
        rows={"accounts": 2, "migrations": 2, "proofs": 0},
    )


async def test_a_call_that_comes_again_says_so_and_starts_nothing(world: World) -> None:
    await world.backups.begin()
    assert await world.backups.begin() == Outcome(name=FIRST, state="running")
    world.end()
    await world.backups.check()
    world.clock.now += 19 * HOUR
    assert await world.backups.begin() == Outcome(name=FIRST, state="too early")
    assert len(world.calls) == 2
    world.clock.now += 2 * HOUR
    assert await world.backups.begin() == Outcome(name="2027-01-02", state="started")


async def test_of_two_schedulers_at_once_one_starts_it(world: World) -> None:
    outcomes = await asyncio.gather(*(world.backups.begin() for _ in range(8)))
    assert sorted(outcome.state for outcome in outcomes) == ["running"] * 7 + ["started"]
    assert {outcome.name for outcome in outcomes} == {FIRST}
    assert len(world.calls) == 2


async def test_of_two_schedulers_that_both_saw_nothing_one_starts_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing() -> list[str]:
        return []

    monkeypatch.setattr(world.archive, "names", nothing)
    assert (await world.backups.begin()).state == "started"
    assert await world.backups.begin() == Outcome(name=FIRST, state="running")
    assert len(world.calls) == 2


async def test_two_checks_at_once_write_one_manifest(world: World) -> None:
    await world.backups.begin()
    world.end()
    outcomes = await asyncio.gather(*(world.backups.check() for _ in range(4)))
    assert outcomes == [Outcome(name=FIRST, state="complete")] * 4
    Manifest.read(world.archive.kept[f"{FIRST}/manifest.json"], project="demo-sealpost", name=FIRST)


@pytest.mark.parametrize("part", ["documents", "relations"])
@pytest.mark.parametrize("fault", [Unavailable, DeadlineExceeded, ExportRefused])
async def test_what_cannot_be_started_has_failed_and_says_why(
    world: World, part: str, fault: type[Exception]
) -> None:
    export = getattr(world, part)
    export.fault = fault("The server is gone.")
    with pytest.raises((Unavailable, DeadlineExceeded), match="gone"):
        await world.backups.begin()
    assert world.members(f"{FIRST}/failed.json") == {"reason": "The server is gone."}
    export.fault = None
    world.clock.now += 20 * MINUTE
    assert await world.backups.begin() == Outcome(name=SECOND, state="started")


async def test_a_call_that_is_broken_off_has_failed(world: World) -> None:
    begun = asyncio.Event()

    async def never(place: str) -> str:
        begun.set()
        await asyncio.Event().wait()
        return place

    world.relations.start = never  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(world.backups.begin())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.members(f"{FIRST}/failed.json") == {"reason": "The call that began it was broken off."}


async def test_an_unforeseen_fault_is_not_written_down(world: World) -> None:
    world.documents.fault = RuntimeError("secret")
    with pytest.raises(RuntimeError):
        await world.backups.begin()
    assert b"secret" not in b"".join(world.archive.kept.values())
    assert await world.state() == "failed"


async def test_the_schedulers_own_retries_do_not_use_up_the_days_attempts(world: World) -> None:
    world.relations.fault = Unavailable("Cloud SQL is busy.")
    for _ in range(4):
        with pytest.raises(Unavailable, match="busy"):
            await world.backups.begin()
        world.clock.now += 4 * MINUTE
    assert await world.archive.names() == [FIRST]


async def test_a_day_has_three_attempts_and_the_next_day_its_own(world: World) -> None:
    world.relations.fault = Unavailable("Cloud SQL is busy.")
    for _ in range(3):
        with pytest.raises(Unavailable, match="busy"):
            await world.backups.begin()
        world.clock.now += HOUR
    world.relations.fault = None
    with pytest.raises(Unavailable, match="3 attempts have failed"):
        await world.backups.begin()
    assert await world.archive.names() == [FIRST, SECOND, THIRD]
    world.clock.now += 21 * HOUR
    assert await world.backups.begin() == Outcome(name="2027-01-02", state="started")


@pytest.mark.parametrize("part", ["documents", "relations"])
async def test_an_export_that_fails_makes_a_failed_backup_and_the_next_call_begins_again(
    world: World, part: str
) -> None:
    await world.backups.begin()
    world.end()
    getattr(world, part).progress = Failed("It has failed.")
    failed = Outcome(name=FIRST, state="failed", reason="It has failed.")
    assert await world.backups.check() == failed
    assert await world.backups.check() == failed
    assert f"{FIRST}/manifest.json" not in world.archive.kept
    world.clock.now += HOUR
    assert (await world.backups.begin()).name == SECOND
    world.end()
    assert await world.backups.check() == Outcome(name=SECOND, state="complete")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda kept: kept.pop(f"{FIRST}/documents/all/output-0"), "left nothing"),
        (lambda kept: kept.pop(f"{FIRST}/relations.sql.gz"), "missing"),
        (lambda kept: kept.update({f"{FIRST}/relations.sql.gz": zipped()[:-1]}), "ends too early"),
    ],
)
async def test_exports_that_lack_something_make_a_failed_backup(
    world: World, spoil: Any, reason: str
) -> None:
    await world.backups.begin()
    world.end()
    spoil(world.archive.kept)
    outcome = await world.backups.check()
    assert outcome is not None
    assert (outcome.state, reason in (outcome.reason or "")) == ("failed", True)
    assert f"{FIRST}/manifest.json" not in world.archive.kept


async def test_a_part_that_cannot_be_asked_decides_nothing(world: World) -> None:
    await world.backups.begin()
    world.end()
    world.relations.fault = Unavailable("later")
    with pytest.raises(Unavailable):
        await world.backups.check()
    assert await world.state() == "running"
    world.relations.fault = None
    assert await world.backups.check() == Outcome(name=FIRST, state="complete")


@pytest.mark.parametrize("part", ["documents", "relations"])
async def test_an_operation_that_nobody_tells_of_makes_a_failed_backup(world: World, part: str) -> None:
    await world.backups.begin()
    getattr(world, part).fault = ExportRefused("Cloud SQL refused with HTTP 404.")
    assert await world.backups.check() == Outcome(
        name=FIRST, state="failed", reason="Cloud SQL refused with HTTP 404."
    )


async def test_a_full_disk_completes_nothing_and_loses_nothing(world: World) -> None:
    await world.backups.begin()
    world.end()
    world.archive.full = True
    with pytest.raises(Unavailable):
        await world.backups.check()
    world.archive.full = False
    assert await world.backups.check() == Outcome(name=FIRST, state="complete")


async def test_a_call_that_died_before_it_said_what_it_started_has_failed(world: World) -> None:
    await world.backups.begin()
    del world.archive.kept[f"{FIRST}/operations.json"]
    world.clock.now += 14 * MINUTE
    assert await world.backups.check() == Outcome(name=FIRST, state="running")
    world.clock.now += MINUTE
    outcome = await world.backups.check()
    assert outcome == Outcome(name=FIRST, state="failed", reason="The call that began it has died.")


async def test_the_next_call_takes_over_from_one_that_died_without_waiting_for_a_check(world: World) -> None:
    await world.backups.begin()
    del world.archive.kept[f"{FIRST}/operations.json"]
    world.clock.now += HOUR
    assert await world.backups.begin() == Outcome(name=SECOND, state="started")
    assert await world.state(FIRST) == "failed"


async def test_operations_that_do_not_end_have_failed_after_twelve_hours(world: World) -> None:
    await world.backups.begin()
    world.documents.progress = Done(7)
    world.clock.now += 12 * HOUR - MINUTE
    assert await world.backups.check() == Outcome(name=FIRST, state="running")
    world.clock.now += MINUTE
    outcome = await world.backups.check()
    assert outcome == Outcome(name=FIRST, state="failed", reason="The exports took longer than 12 hours.")
    world.relations.progress = Running()
    assert await world.backups.check() == outcome


async def test_a_manifest_counts_more_than_a_failure(world: World) -> None:
    """Who may create objects may not spoil a backup that was seen whole."""
    await world.complete()
    world.archive.kept[f"{FIRST}/failed.json"] = b'{"reason": "found out later"}'
    assert await world.state() == "complete"


async def test_a_backup_of_a_day_to_come_hinders_none(world: World) -> None:
    world.archive.kept["2099-01-01/begun.json"] = b'{"at": "2099-01-01T00:00:00Z"}'
    assert await world.backups.begin() == Outcome(name=FIRST, state="started")
    assert await world.state() == "running"


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b'{"at": 1}', b'{"at": "yesterday"}'])
async def test_a_folder_that_is_none_of_ours_is_a_failed_backup(world: World, content: bytes | None) -> None:
    world.archive.kept[f"{FIRST}/something"] = b""
    if content is not None:
        world.archive.kept[f"{FIRST}/begun.json"] = content
    assert await world.state() == "failed"
    assert await world.backups.begin() == Outcome(name=SECOND, state="started")


def gauges(records: list[logging.LogRecord]) -> list[dict[str, float]]:
    return [record.fields for record in records if record.getMessage() == "gauges"]  # type: ignore[attr-defined]


async def test_every_check_tells_of_the_last_success(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sealpost")
    assert await world.backups.check() is None
    await world.complete()
    at = datetime(2027, 1, 1, 3, 15, tzinfo=UTC).timestamp()
    told = {
        "backup_last_success_timestamp_seconds": at,
        "backup_bytes": len(b"messages") + len(world.relations.content),
    }
    world.clock.now += 24 * HOUR
    await world.backups.begin()
    world.relations.progress = Failed("It has failed.")
    await world.backups.check()
    world.documents.fault = Unavailable("later")
    world.clock.now += HOUR
    with pytest.raises(Unavailable):
        await world.backups.begin()
    await world.backups.check()
    assert gauges(caplog.records) == [
        {"backup_last_success_timestamp_seconds": 0, "backup_bytes": 0},
        told,
        told,
        told,
    ]
    assert [record.fields for record in caplog.records if record.levelno == logging.ERROR] == [  # type: ignore[attr-defined]
        {"backup": "2027-01-02", "reason": "It has failed."},
        {"backup": "2027-01-02.2", "reason": "later"},
    ]


async def test_a_backup_whose_manifest_is_damaged_is_no_success(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sealpost")
    await world.complete()
    world.archive.kept[f"{FIRST}/manifest.json"] = world.archive.kept[f"{FIRST}/manifest.json"][:-9]
    await world.backups.check()
    assert gauges(caplog.records)[-1]["backup_last_success_timestamp_seconds"] == 0
