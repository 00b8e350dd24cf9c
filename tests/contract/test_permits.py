"""The one statement of a send, against PostgreSQL: each thing that it finds out, and that it is one round trip."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from common.identity import Caller
from common.messages.model import Permit, Rate
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres import permits
from common.storage.postgres.dialling import direct
from common.storage.postgres.permits import PostgresPermits
from common.storage.postgres.pool import Pool
from common.storage.postgres.server import Server
from common.storage.postgres.statements import Statements
from scripts.local.wire import PostgresWatch, proxied
from tests.contract.world import DAY, NOW, RealWorld, encryption_key, new_session, thumbprint

RATE = Rate(per_second=5, burst=60)


class Pair:
    """Two people in a conversation; the first one is asking."""

    def __init__(
        self, permits: PostgresPermits, world: RealWorld, one: Caller, other: Caller, cid: str
    ) -> None:
        self.permits, self.world, self.one, self.other, self.cid = permits, world, one, other, cid

    async def check(
        self, caller: Caller | None = None, *, cid: str | None = None, rate: Rate = RATE, now: float = NOW
    ) -> Permit:
        return await self.permits.check(caller or self.one, cid or self.cid, rate, now)


@pytest.fixture
async def pair(pool: Pool, statements: Statements, firestore: FirestoreClient) -> Pair:
    world = RealWorld(pool, firestore)
    one, other = await world.join(), await world.join()
    first, _ = await world.publish(one)
    await world.publish(other)
    made = await world.talk(one, other, (0, first.hash))
    return Pair(PostgresPermits(statements), world, one, other, made.id)


async def test_a_member_may_send_to_the_members_current_keys(pair: Pair) -> None:
    permit = await pair.check()
    assert permit.session_alive
    assert permit.device_active
    assert permit.within_rate
    assert not permit.blocked
    assert permit.members == tuple(sorted((pair.one.uid, pair.other.uid)))
    assert {(key.uid, key.device) for key in permit.keys} == {
        (pair.one.uid, pair.one.device),
        (pair.other.uid, pair.other.device),
    }
    assert all(key.expires_at == NOW + 30 * DAY for key in permit.keys)
    assert permit.history_kids == ()


async def announce(pool: Pool, uid: str, *, living: bool = True) -> str:
    """A history key of the account, as its chain would announce it."""
    kid = thumbprint()
    await pool.run(
        "insert into history_keys (kid, uid, backup_n, backup_hash, living) values (:kid, :uid, 1, :hash, :living)",
        kid=kid,
        uid=uid,
        hash=thumbprint(),
        living=living,
    )
    return kid


async def test_the_living_history_key_of_each_member_comes_with_the_keys(pair: Pair, pool: Pool) -> None:
    stranger = await pair.world.join()
    await announce(pool, stranger.uid)
    await announce(pool, pair.one.uid, living=False)
    theirs = await announce(pool, pair.other.uid)
    assert (await pair.check()).history_kids == (theirs,)
    own = await announce(pool, pair.one.uid)
    for caller in (pair.one, pair.other):
        permit = await pair.check(caller)
        assert sorted(permit.history_kids) == sorted((own, theirs))
        assert len(permit.keys) == 2
    assert (await pair.check(cid=thumbprint())).history_kids == ()


async def test_alone_with_oneself_there_are_ones_own_keys(pair: Pair, pool: Pool) -> None:
    rows = await pool.run("select head_hash from accounts where uid = :uid", uid=pair.one.uid)
    made = await pair.world.talk(pair.one, pair.one, (0, rows[0][0]))
    own = await announce(pool, pair.one.uid)
    permit = await pair.check(cid=made.id)
    assert permit.members == (pair.one.uid,)
    assert [key.device for key in permit.keys] == [pair.one.device]
    assert (permit.history_kids, permit.blocked) == ((own,), False)
    assert (await pair.check(pair.other, cid=made.id)).members == (pair.one.uid,)


async def test_a_send_says_nothing_of_when_it_was(pair: Pair, pool: Pool) -> None:
    """When a session was seen is written where it begins and is renewed, and nowhere else."""
    read = (
        "select to_jsonb(s), to_jsonb(d) from sessions s join devices d on d.id = s.device where s.id = :id"
    )
    before = await pool.run(read, id=pair.one.session)
    await pair.check(now=NOW + DAY)
    assert await pool.run(read, id=pair.one.session) == before


async def test_no_conversation_has_no_members(pair: Pair) -> None:
    permit = await pair.check(cid=thumbprint())
    assert (permit.members, permit.keys) == ((), ())


async def test_an_ended_expired_or_foreign_session_is_dead(pair: Pair) -> None:
    for caller, now in (
        (replace(pair.one, session="x" * 22), NOW),
        (replace(pair.one, uid=pair.other.uid), NOW),
        (replace(pair.one, device=pair.other.device), NOW),
        (pair.one, NOW + 46 * DAY),
    ):
        assert not (await pair.check(caller, now=now)).session_alive
    await pair.world.sessions.end(pair.one.uid, [pair.one.session], NOW)
    assert not (await pair.check()).session_alive
    assert (await pair.check(pair.other)).session_alive


async def test_a_pending_or_revoked_device_is_not_active(pair: Pair, pool: Pool) -> None:
    newcomer = await pair.world.join()
    permit = await pair.check(newcomer)
    assert (permit.session_alive, permit.device_active) == (True, False)
    await pool.run("update devices set state = 'revoked' where id = :id", id=pair.other.device)
    assert not (await pair.check(pair.other)).device_active
    assert pair.other.device not in {key.device for key in (await pair.check()).keys}


async def test_superseded_keys_go_and_expired_ones_are_told(pair: Pair) -> None:
    short = encryption_key(pair.other, 2, days=1)
    await pair.world.chains.publish(pair.other, None, short, NOW)
    keys = {key.device: key for key in (await pair.check(now=NOW + 2 * DAY)).keys}
    assert keys[pair.other.device].kid == short.kid
    assert keys[pair.other.device].expires_at == NOW + DAY


async def test_a_second_session_of_the_device_changes_nothing(pair: Pair) -> None:
    again = await pair.world.join(new_session(pair.one.uid, pair.one.device))
    assert await pair.check(again) == await pair.check()


async def test_a_block_counts_for_the_blocked_alone(pair: Pair, pool: Pool) -> None:
    block = "insert into blocks (uid, blocked_uid, created_at) values (:uid, :blocked, now())"
    await pool.run(block, uid=pair.other.uid, blocked=pair.one.uid)
    assert (await pair.check()).blocked
    assert not (await pair.check(pair.other)).blocked


async def test_a_burst_then_a_steady_rate(pair: Pair) -> None:
    rate = Rate(per_second=2, burst=4)
    assert [(await pair.check(rate=rate)).within_rate for _ in range(6)] == [True] * 4 + [False] * 2
    later = NOW + 0.5  # one message worked off; refused ones cost nothing
    assert [(await pair.check(rate=rate, now=later)).within_rate for _ in range(2)] == [True, False]
    rested = NOW + 60
    assert [(await pair.check(rate=rate, now=rested)).within_rate for _ in range(5)] == [True] * 4 + [False]
    assert (await pair.check(pair.other, rate=rate)).within_rate


async def test_calls_at_once_share_one_bucket(pair: Pair) -> None:
    permits = await asyncio.gather(*(pair.check(rate=Rate(per_second=0.001, burst=5)) for _ in range(20)))
    assert sum(permit.within_rate for permit in permits) == 5


async def test_a_dead_session_spends_nothing(pair: Pair) -> None:
    rate = Rate(per_second=0.001, burst=1)
    await pair.check(replace(pair.one, session="x" * 22), rate=rate)
    assert (await pair.check(rate=rate)).within_rate


async def test_heads_of_published_chains(pair: Pair) -> None:
    silent = await pair.world.join()
    heads = await pair.permits.heads([pair.one.uid, silent.uid, "nobody"])
    assert heads.keys() == {pair.one.uid}
    assert heads[pair.one.uid][0] == 0


async def test_it_is_one_statement_in_one_round_trip(pair: Pair, dsn: str) -> None:
    watch = PostgresWatch()
    async with proxied(urlsplit(dsn).port or 0, watch) as proxy:
        statements = Statements(dial=direct(replace(Server.parse(dsn), port=proxy.port)), size=1)
        store = PostgresPermits(statements)
        await store.check(pair.one, pair.cid, RATE, NOW)
        before = (watch.round_trips, watch.seen["E"])
        for _ in range(5):
            await store.check(pair.one, pair.cid, RATE, NOW)
        assert (watch.round_trips, watch.seen["E"]) == (before[0] + 5, before[1] + 5)
        statements.close()


async def test_every_table_that_it_reads_is_reached_by_an_index(pair: Pair, dsn: str) -> None:
    """Sequential scans only look cheap in a small table: with them forbidden, none may be left."""
    one = pair.one
    connection = await direct(Server.parse(dsn))()
    await connection.execute("set enable_seqscan = off")
    rows = await connection.fetch(
        f"explain {permits._CHECK}", one.session, one.uid, one.device, pair.cid, 1.0, 1.0, NOW
    )
    await connection.close()
    plan = "\n".join(line for (line,) in rows)
    assert "Seq Scan" not in plan, plan
