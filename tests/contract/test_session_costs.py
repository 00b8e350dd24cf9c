"""What sessions cost PostgreSQL: that one was seen, and that a reset waits, comes with the statements that run anyway."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest

from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.connect import plain
from common.storage.postgres.pool import Pool
from common.storage.postgres.sessions import PostgresSessions
from scripts.local.wire import PostgresWatch, proxied
from tests.contract.world import DAY, NOW, RealWorld, caller_of, modulus_of, new_session, thumbprint


@pytest.fixture
def real(pool: Pool, firestore: FirestoreClient) -> RealWorld:
    return RealWorld(pool, firestore)


@pytest.fixture
async def watched(dsn: str) -> AsyncIterator[tuple[PostgresSessions, PostgresWatch]]:
    """A store on one connection, and what goes over it."""
    watch, parts = PostgresWatch(), urlsplit(dsn)
    async with proxied(parts.port or 0, watch) as proxy:
        netloc = f"{parts.username}@127.0.0.1:{proxy.port}"
        pool = Pool(connect=plain(parts._replace(netloc=netloc).geturl()), size=1)
        yield PostgresSessions(pool), watch
        await asyncio.to_thread(pool.close)


async def test_renewing_and_standing_are_one_statement_each(
    real: RealWorld, watched: tuple[PostgresSessions, PostgresWatch]
) -> None:
    store, watch = watched
    session = new_session()
    caller = await real.join(session)
    presented = session.refresh_hash

    async def rotate() -> object:
        nonlocal presented
        before, presented = presented, thumbprint()
        hashes = {"presented": before, "successor": presented, "proof": thumbprint()}
        return await store.rotate(session.id, **hashes, now=NOW, expires_at=NOW + DAY)

    calls: tuple[Callable[[], Awaitable[object]], ...] = (
        rotate,
        lambda: store.find(session.id, NOW),
        lambda: store.standing_with_reset(caller, NOW),
        lambda: store.standing(caller, NOW),
        lambda: store.living(caller.uid, NOW, after=None, most=101),
        lambda: store.name(caller.uid, caller.session, "Phone", NOW),
    )
    for call in calls:
        assert await call()
        before = (watch.round_trips, watch.seen["E"])
        assert await call()
        assert (watch.round_trips, watch.seen["E"]) == (before[0] + 1, before[1] + 1)


async def test_a_session_begins_in_one_transaction_of_four_statements(
    watched: tuple[PostgresSessions, PostgresWatch],
) -> None:
    store, watch = watched
    executed = 0
    for _ in range(2):
        session, before = new_session(), watch.seen["E"]
        await store.keep_account(thumbprint()[:32].encode(), uid=session.uid, now=NOW)
        await store.open(session, modulus=modulus_of(session.device), now=NOW)
        executed = watch.seen["E"] - before
        assert await store.standing(caller_of(session), NOW)
    assert executed == 5, "the account; its device, whose that is, the session, and its line in the audit log"
