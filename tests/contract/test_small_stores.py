import asyncio
import secrets
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from common.clock import deadline
from common.quotas import Quota, Quotas
from common.storage.postgres.connect import plain
from common.storage.postgres.connection import Rows
from common.storage.postgres.dead_events import PostgresDeadEvents
from common.storage.postgres.pool import Pool
from common.storage.postgres.quotas import PostgresQuotas
from common.storage.postgres.sessions import PostgresSessions
from tests.contract.world import NOW, thumbprint
from tests.fakes.quotas import FakeQuotas

HOUR = 3_600


@pytest.fixture(params=["fake", "real"])
def quotas(request: pytest.FixtureRequest) -> Quotas:
    return FakeQuotas() if request.param == "fake" else PostgresQuotas(request.getfixturevalue("pool"))


def quota(most: int, seconds: int = HOUR) -> Quota:
    return Quota(subject=secrets.token_bytes(32), seconds=seconds, most=most)


async def test_so_many_calls_and_no_more(quotas: Quotas) -> None:
    limit = quota(3)
    assert [await quotas.admit([limit], NOW + n) for n in range(5)] == [True] * 3 + [False] * 2
    assert await quotas.admit([quota(3)], NOW)


async def test_a_new_window_begins_anew(quotas: Quotas) -> None:
    limit = quota(1)
    assert await quotas.admit([limit], NOW)
    assert not await quotas.admit([limit], NOW + HOUR - 1)
    assert await quotas.admit([limit], NOW + HOUR)


async def test_the_tightest_of_several_decides(quotas: Quotas) -> None:
    subject = secrets.token_bytes(32)
    hour, day = (
        Quota(subject=subject, seconds=HOUR, most=3),
        Quota(subject=subject, seconds=24 * HOUR, most=2),
    )
    assert [await quotas.admit([hour, day], NOW) for _ in range(3)] == [True, True, False]
    assert not await quotas.admit([hour, day], NOW + HOUR)


async def test_calls_at_once_are_counted_singly(quotas: Quotas) -> None:
    shared, many = quota(7), [quota(100) for _ in range(20)]
    orders = [[shared, own] if n % 2 else [own, shared] for n, own in enumerate(many)]
    assert sum(await asyncio.gather(*(quotas.admit(order, NOW) for order in orders))) == 7


@pytest.fixture
async def expired(pool: Pool) -> None:
    """50 windows that ended before NOW, and no others."""
    await pool.run("delete from rate_limits")
    await PostgresQuotas(pool).admit([quota(1) for _ in range(50)], NOW - HOUR)


async def left(pool: Pool) -> int:
    ((count,),) = await pool.run("select count(*)::integer from rate_limits")
    return int(count)


async def test_windows_that_have_ended_are_swept_a_few_at_a_time(pool: Pool, expired: None) -> None:
    quotas, limit = PostgresQuotas(pool), quota(9, 2 * HOUR)
    counts = []
    for _ in range(4):
        assert await quotas.admit([limit], NOW)
        counts.append(await left(pool))
    assert counts == [31, 11, 1, 1]
    assert not await quotas.admit([replace(limit, most=4)], NOW), "a live window is not swept"


async def test_an_ended_window_that_is_asked_for_begins_anew(pool: Pool, expired: None) -> None:
    ((subject,),) = await pool.run("select subject from rate_limits order by window_ends limit 1")
    limit = Quota(subject=bytes(subject), seconds=HOUR, most=1)
    assert [await PostgresQuotas(pool).admit([limit], NOW) for _ in range(2)] == [True, False]


async def test_the_sweep_waits_for_nobody(pool: Pool, dsn: str, expired: None) -> None:
    with closing(plain(dsn)(10)) as other:
        other.simple("begin")
        other.run("select from rate_limits limit 5 for update")
        async with deadline(5):
            for _ in range(4):
                await PostgresQuotas(pool).admit([quota(1)], NOW)
        assert await left(pool) == 5 + 4


async def test_calls_at_once_sweep_without_deadlock(pool: Pool, expired: None) -> None:
    """Each asks for windows that the others would sweep."""
    rows = await pool.run("select subject from rate_limits")
    ended = [Quota(subject=bytes(subject), seconds=HOUR, most=1_000) for (subject,) in rows]
    orders = [[ended[(n * step) % 50] for step in (7, 3, 1)] for n in range(1, 49)]
    async with deadline(10):
        assert all(await asyncio.gather(*(PostgresQuotas(pool).admit(order, NOW) for order in orders)))


async def test_a_dead_event_is_one_row_however_often_it_comes(pool: Pool) -> None:
    store = PostgresDeadEvents(pool)
    event = secrets.token_hex(8)
    for n in range(3):
        await store.file(function="on_x", event_id=event, kind="created", reason="no data", now=NOW + n)
    rows = await pool.run(
        "select reason, times, extract(epoch from last_at - first_at)::integer from dead_events where event_id = :e",
        e=event,
    )
    assert rows == [["no data", 3, 2]]


async def test_old_proofs_are_swept_as_new_ones_come(pool: Pool) -> None:
    store, device = PostgresSessions(pool), thumbprint()
    for n in range(3):
        await store.use_proof(device, f"old{n}", expires_at=NOW)
    await store.use_proof(device, "new", expires_at=NOW + 2 * HOUR)
    assert await pool.run("select jti from proofs where device = :device", device=device) == [["new"]]


class TwicePool(Pool):
    """Every answer is lost once, after its statement was committed."""

    async def run(self, sql: str, **params: Any) -> Rows:
        await super().run(sql, **params)
        return await super().run(sql, **params)


async def test_a_proof_whose_answer_was_lost_counts_all_the_same(pool: Pool, dsn: str) -> None:
    device, twice = thumbprint(), TwicePool(connect=plain(dsn), size=1)
    assert await PostgresSessions(twice).use_proof(device, "j" * 22, expires_at=NOW)
    assert not await PostgresSessions(twice).use_proof(device, "j" * 22, expires_at=NOW)
    assert not await PostgresSessions(pool).use_proof(device, "j" * 22, expires_at=NOW)
    twice.close()


async def test_no_token_and_no_address_stands_in_a_row(pool: Pool) -> None:
    """Sessions keep hashes; the sizes that the schema checks leave no room for more."""
    columns = await pool.run(
        "select table_name, column_name from information_schema.columns where table_schema = 'public'"
    )
    names = {f"{table}.{column}" for table, column in columns}
    assert not {
        name
        for name in names
        if any(word in name for word in ("email", "token", "password", "secret", "private"))
    }
