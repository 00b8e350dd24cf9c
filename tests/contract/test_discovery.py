"""Who finds whom, and how many strangers somebody may look up in a day."""

import asyncio
import secrets
from urllib.parse import urlsplit

import pytest

from common.directory.model import Found, Wanted
from common.errors import NotFound, RateLimited
from common.identity import Caller
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.audit import PostgresAudit
from common.storage.postgres.connect import plain
from common.storage.postgres.directory import PostgresDirectory
from common.storage.postgres.pool import Pool
from scripts.local.wire import PostgresWatch, proxied
from tests.contract.world import DAY, NOW, RealWorld, World, creation, new_session

MIDNIGHT = NOW - NOW % DAY + DAY


def asked(index: bytes | None = None, subject: bytes | None = None) -> Wanted:
    """An address, by default one that nobody has and that was never asked for."""
    return Wanted(
        index=index or secrets.token_bytes(32),
        uid=None,
        known_seq=-1,
        subject=subject or secrets.token_bytes(32),
    )


def strangers(number: int) -> list[Wanted]:
    return [asked() for _ in range(number)]


async def find(world: World, caller: Caller, *wanted: Wanted, now: float = NOW) -> list[str | None]:
    found: Found = await world.directory.find(wanted, [], caller=caller, now=now)
    return [account.head.uid if account else None for account in found.accounts]


async def published(world: World, index: bytes | None = None) -> tuple[Caller, tuple[int, str]]:
    caller = await world.join(index=index)
    first, _ = await world.publish(caller)
    return caller, (0, first.hash)


async def test_a_closed_account_is_found_by_itself_and_whom_it_converses_with(world: World) -> None:
    index = secrets.token_bytes(32)
    (closed, _), (friend, head) = await published(world, index), await published(world)
    (stranger, their_head), (other, _) = await published(world), await published(world)
    await world.talk(friend, closed, head)
    await world.talk(stranger, other, their_head)
    ways = [Wanted(index=None, uid=closed.uid, known_seq=-1), asked(index)]
    everyone = (closed, friend, stranger)
    for caller in everyone:
        assert await find(world, caller, *ways) == [closed.uid] * 2
    for _ in range(2):
        await world.visibility.set_discoverable(closed, discoverable=False, now=NOW)
    for caller in everyone:
        expected = None if caller is stranger else closed.uid
        assert await find(world, caller, *ways) == [expected] * 2
    assert await find(world, closed, Wanted(index=None, uid=stranger.uid, known_seq=-1)) == [stranger.uid]
    await world.visibility.set_discoverable(closed, discoverable=True, now=NOW)
    assert await find(world, stranger, *ways) == [closed.uid] * 2


async def test_a_stranger_begins_no_conversation_with_a_closed_account(world: World) -> None:
    (closed, own_head), (stranger, head) = await published(world), await published(world)
    await world.visibility.set_discoverable(closed, discoverable=False, now=NOW)
    silent = await world.join()
    details = set()
    for whom in (closed, silent):
        with pytest.raises(NotFound) as refused:
            await world.conversations.create(creation(stranger, whom, head), stranger.uid, NOW)
        details.add(refused.value.detail)
    assert len(details) == 1
    started = await world.conversations.create(creation(closed, closed, own_head), closed.uid, NOW)
    assert started.created
    made = await world.talk(closed, stranger, own_head)
    again = await world.conversations.create(creation(stranger, closed, head), stranger.uid, NOW)
    assert (again.created, again.statements) == (False, (made.compact,))


async def test_closing_leaves_a_line_when_it_changes_something(
    pool: Pool, firestore: FirestoreClient
) -> None:
    world = RealWorld(pool, firestore)
    caller, other = await world.join(), await world.join()
    for value in (True, False, False, True, True):
        await world.visibility.set_discoverable(caller, discoverable=value, now=NOW)
    entries = await PostgresAudit(pool).read(caller.uid, before=None, most=9)
    assert [(e.act, e.device, e.session) for e in entries[:-1]] == [
        ("discovery-set", caller.device, caller.session)
    ] * 2
    assert len(await PostgresAudit(pool).read(other.uid, before=None, most=9)) == 1


async def test_two_hundred_strangers_are_looked_up_in_a_day(world: World) -> None:
    caller, other = await world.join(), await world.join()
    first, second = strangers(50), strangers(50)
    for wanted in (first, second, strangers(50), strangers(40)):
        assert await find(world, caller, *wanted) == [None] * len(wanted)
    with pytest.raises(RateLimited) as refused:
        await find(world, caller, *strangers(11))
    assert refused.value.retry_after == MIDNIGHT - NOW
    last = strangers(10)  # what was refused did not count
    await find(world, caller, *last)
    for wanted in (first, last, [*second[:25], *second[:25]]):
        await find(world, caller, *wanted)
    with pytest.raises(RateLimited):
        await find(world, caller, asked())
    with pytest.raises(RateLimited):
        await find(world, caller, first[0], asked())
    await find(world, other, *strangers(50))
    await find(world, caller)


async def test_whom_one_knows_and_uids_do_not_count(world: World) -> None:
    index, own_index = secrets.token_bytes(32), secrets.token_bytes(32)
    (friend, _), (caller, head) = await published(world, index), await published(world, own_index)
    await world.talk(caller, friend, head)
    for _ in range(4):
        await find(world, caller, *strangers(50))
    with pytest.raises(RateLimited):
        await find(world, caller, asked(index), asked())
    by_uid = Wanted(index=None, uid=friend.uid, known_seq=-1)
    assert await find(world, caller, asked(index), asked(own_index), by_uid) == [
        friend.uid,
        caller.uid,
        friend.uid,
    ]


async def test_a_stranger_counts_whether_there_is_one_or_not(world: World) -> None:
    """An open account, a closed one, one without a chain and none at all: each call counts one address."""
    open_index, closed_index, silent_index = (secrets.token_bytes(32) for _ in range(3))
    await published(world, open_index)
    closed, _ = await published(world, closed_index)
    await world.visibility.set_discoverable(closed, discoverable=False, now=NOW)
    await world.join(index=silent_index)
    for index in (open_index, closed_index, silent_index, None):
        caller = await world.join()
        for wanted in (strangers(50), strangers(50), strangers(50), strangers(49)):
            await find(world, caller, *wanted)
        await find(world, caller, asked(index))
        with pytest.raises(RateLimited):
            await find(world, caller, asked())


async def test_the_count_begins_anew_at_midnight(pool: Pool, firestore: FirestoreClient) -> None:
    world = RealWorld(pool, firestore)
    caller = await world.join()
    for _ in range(4):
        await find(world, caller, *strangers(50))
    with pytest.raises(RateLimited):
        await find(world, caller, asked(), now=MIDNIGHT - 1)
    for _ in range(4):
        await find(world, caller, *strangers(50), now=MIDNIGHT)
    with pytest.raises(RateLimited) as refused:
        await find(world, caller, asked(), now=MIDNIGHT)
    assert refused.value.retry_after == DAY


async def test_what_counts_no_more_is_swept_up(pool: Pool, firestore: FirestoreClient) -> None:
    world = RealWorld(pool, firestore)
    caller = await world.join()
    await find(world, caller, *strangers(50))

    async def ended() -> int:
        sql = "select count(*) from discoveries where window_ends <= to_timestamp(:now::double precision)"
        count: int = (await pool.run(sql, now=MIDNIGHT))[0][0]
        return count

    before = await ended()
    await find(world, caller, *strangers(50), now=MIDNIGHT)
    assert await ended() == max(before - 60, 0) < before


async def test_of_many_calls_at_once_no_more_are_answered(world: World) -> None:
    caller = await world.join()
    results = await asyncio.gather(
        *(find(world, caller, *strangers(50)) for _ in range(20)), return_exceptions=True
    )
    answered = [result for result in results if isinstance(result, list)]
    assert all(isinstance(result, list | RateLimited) for result in results)
    assert len(answered) <= 4


async def test_two_calls_that_count_at_the_same_moment_are_not_both_answered(
    pool: Pool, firestore: FirestoreClient, dsn: str
) -> None:
    """Both find room for themselves, and wait for a third call that in the end counts nothing."""
    world = RealWorld(pool, firestore)
    caller, shared = await world.join(), secrets.token_bytes(32)
    for size in (50, 50, 50, 10):
        await find(world, caller, *strangers(size))
    blocker = plain(dsn)(10)
    blocker.simple("begin")
    blocker.run(
        "insert into discoveries (uid, subject, window_ends) values (:uid, :subject::bytea, now())",
        uid=caller.uid,
        subject=shared,
    )
    calls = [
        asyncio.ensure_future(find(world, caller, asked(subject=shared), *strangers(35))) for _ in range(2)
    ]
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    while await pool.run(waiting) != [[2]]:  # noqa: ASYNC110 - PostgreSQL tells nobody that a call waits
        await asyncio.sleep(0.01)
    blocker.simple("rollback")
    results = await asyncio.gather(*calls, return_exceptions=True)
    blocker.close()
    assert sum(isinstance(result, RateLimited) for result in results) >= 1


async def test_the_same_asked_at_once_counts_once(world: World) -> None:
    caller = await world.join()
    wanted = strangers(50)
    await asyncio.gather(*(find(world, caller, *wanted) for _ in range(8)))
    for _ in range(3):
        await find(world, caller, *strangers(50))


async def test_it_is_one_statement_and_one_more_for_addresses(
    pool: Pool, firestore: FirestoreClient, dsn: str
) -> None:
    world = RealWorld(pool, firestore)
    caller = await world.join(new_session())
    watch = PostgresWatch()
    async with proxied(urlsplit(dsn).port or 0, watch) as proxy:
        parts = urlsplit(dsn)
        netloc = f"{parts.username}@127.0.0.1:{proxy.port}"
        watched = Pool(connect=plain(parts._replace(netloc=netloc).geturl()), size=1)
        directory = PostgresDirectory(watched)
        for wanted, statements in (
            ([Wanted(index=None, uid=caller.uid, known_seq=-1)], 1),
            (strangers(50), 2),
            ([], 1),
        ):
            await directory.find(wanted, [], caller=caller, now=NOW)
            before = (watch.round_trips, watch.seen["E"])
            await directory.find(wanted, [], caller=caller, now=NOW)
            assert (watch.round_trips, watch.seen["E"]) == (before[0] + statements, before[1] + statements)
        await asyncio.to_thread(watched.close)
