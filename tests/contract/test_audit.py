"""Which line each act leaves, once however often it is repeated, and the wishes that sessions are told of."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from common.errors import NotFound
from common.identity import Caller
from common.sessions.model import PendingReset
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.audit import PostgresAudit, audit
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool
from tests.contract.world import DAY, NOW, RealWorld, modulus_of, new_session, new_uid, thumbprint


@pytest.fixture
def real(pool: Pool, firestore: FirestoreClient) -> RealWorld:
    return RealWorld(pool, firestore)


async def lines(pool: Pool, uid: str) -> list[tuple[str, str | None, str | None]]:
    found = await PostgresAudit(pool).read(uid, before=None, most=1000)
    return [(entry.act, entry.device, entry.session) for entry in reversed(found)]


async def write(pool: Pool, uid: str, act: str) -> None:
    await pool.transaction(lambda run: audit(run, uid, act, NOW))


async def test_a_session_leaves_a_line_when_it_begins_and_one_when_it_ends(
    real: RealWorld, pool: Pool
) -> None:
    session = new_session()
    caller = await real.join(session)
    await real.sessions.open(session, modulus=modulus_of(session.device), now=NOW + 5)
    begun = ("session-begun", caller.device, caller.session)
    assert await lines(pool, caller.uid) == [begun]
    await asyncio.gather(*(real.sessions.end(caller.uid, [caller.session], NOW + 10) for _ in range(4)))
    assert await lines(pool, caller.uid) == [begun, ("session-ended", caller.device, caller.session)]
    begun_entry, ended_entry = reversed(await PostgresAudit(pool).read(caller.uid, before=None, most=9))
    assert [begun_entry.at, ended_entry.at] == pytest.approx([NOW, NOW + 10])


async def test_several_sessions_that_end_leave_a_line_each(real: RealWorld, pool: Pool) -> None:
    session = new_session()
    callers = [await real.join(session)]
    callers += [await real.join(new_session(session.uid, session.device)) for _ in range(3)]
    other = await real.join()
    ids = [caller.session for caller in callers]
    await real.sessions.end(session.uid, [ids[0]], NOW)
    await asyncio.gather(*(real.sessions.end(session.uid, [*ids, other.session], NOW) for _ in range(3)))
    counted = Counter(await lines(pool, session.uid))
    assert counted == Counter(
        (act, session.device, one) for act in ("session-begun", "session-ended") for one in ids
    )
    assert [act for act, *_ in await lines(pool, other.uid)] == ["session-begun"]


async def test_what_ends_nothing_leaves_no_line(real: RealWorld, pool: Pool) -> None:
    caller, other = await real.join(), await real.join()
    await real.sessions.end(other.uid, [caller.session], NOW)
    await real.sessions.end(caller.uid, ["x" * 22], NOW)
    assert [act for act, *_ in await lines(pool, caller.uid)] == ["session-begun"]
    assert [act for act, *_ in await lines(pool, other.uid)] == ["session-begun"]


async def test_a_line_goes_with_its_transaction(real: RealWorld, pool: Pool) -> None:
    caller = await real.join()

    def fail(run: Run) -> None:
        audit(run, caller.uid, "reset", NOW)
        raise NotFound("Nothing.")

    with pytest.raises(NotFound):
        await pool.transaction(fail)
    assert [act for act, *_ in await lines(pool, caller.uid)] == ["session-begun"]


async def test_lines_come_in_pages(real: RealWorld, pool: Pool) -> None:
    caller, other = await real.join(), await real.join()
    for number in range(5):
        await write(pool, caller.uid, str(number))
        await write(pool, other.uid, "other")
    log = PostgresAudit(pool)
    page = await log.read(caller.uid, before=None, most=4)
    assert [entry.act for entry in page] == ["4", "3", "2", "1"]
    rest = await log.read(caller.uid, before=page[-1].id, most=4)
    assert [entry.act for entry in rest] == ["0", "session-begun"]
    assert await log.read(caller.uid, before=1, most=4) == []
    assert await log.read(new_uid(), before=None, most=4) == []


async def wish(pool: Pool, uid: str, device: str) -> None:
    await pool.run(
        "insert into reset_requests (uid, device, requested_at, due_at)"
        " values (:uid, :device, to_timestamp(:now::double precision), to_timestamp(:due::double precision))",
        uid=uid,
        device=device,
        now=NOW,
        due=NOW + DAY,
    )


async def standing_reset(real: RealWorld, caller: Caller, now: float) -> PendingReset | None:
    standing = await real.sessions.standing_with_reset(caller, now)
    assert standing is not None
    assert replace(standing, pending_reset=None) == await real.sessions.standing(caller, now)
    return standing.pending_reset


async def test_a_wish_to_reset_is_told_until_a_week_after_it_is_due(real: RealWorld, pool: Pool) -> None:
    one = await real.join()
    laptop = await real.join(new_session(one.uid, thumbprint()))
    other = await real.join()
    await real.publish(one)
    await wish(pool, one.uid, laptop.device)
    told = PendingReset(device=laptop.device, requested_at=NOW, due_at=NOW + DAY)
    for now in (NOW, NOW + DAY, NOW + 8 * DAY - 1):
        assert await standing_reset(real, one, now) == told
        assert await standing_reset(real, laptop, now) == told
        assert await standing_reset(real, other, now) is None
    assert await standing_reset(real, one, NOW + 8 * DAY) is None
