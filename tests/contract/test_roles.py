"""Every store under the database role of the functions that use it, and nothing beyond."""

from collections.abc import AsyncIterator, Callable

import pytest

from common.errors import NotFound
from common.keys.model import Wanted
from common.messages.model import Rate
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.connect import plain
from common.storage.postgres.connection import Connection, StatementFailed
from common.storage.postgres.dead_events import PostgresDeadEvents
from common.storage.postgres.permits import PostgresPermits
from common.storage.postgres.pool import Pool
from common.storage.postgres.quotas import PostgresQuotas
from tests.contract.test_small_stores import quota
from tests.contract.world import DAY, NOW, RealWorld, creation, new_session, thumbprint

DENIED = "42501"


@pytest.fixture
async def acting_as(dsn: str) -> AsyncIterator[Callable[[str], Pool]]:
    pools: list[Pool] = []

    def make(role: str) -> Pool:
        def connect(seconds: float) -> Connection:
            connection = plain(dsn)(seconds)
            connection.simple(f"set role sealpost_{role}")
            return connection

        pools.append(Pool(connect=connect, size=1))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


async def test_each_role_can_do_its_work(
    acting_as: Callable[[str], Pool], firestore: FirestoreClient
) -> None:
    identity, messaging = acting_as("identity"), acting_as("messaging")
    people, talk = RealWorld(identity, firestore), RealWorld(messaging, firestore)

    assert await PostgresQuotas(identity).admit([quota(1)], NOW)
    session = new_session()
    one, other, silent = await people.join(session), await people.join(), await people.join()
    assert await people.sessions.use_proof(one.device, "j" * 22, expires_at=NOW)
    first, _ = await people.publish(one)
    await people.publish(other)
    hashes = {"presented": session.refresh_hash, "successor": thumbprint(), "proof": thumbprint()}
    assert await people.sessions.rotate(session.id, **hashes, now=NOW, expires_at=NOW + DAY)
    assert await people.sessions.find(session.id, NOW)

    assert await talk.sessions.standing(one, NOW)
    made = await talk.talk(one, other, (0, first.hash))
    with pytest.raises(NotFound):
        await talk.conversations.create(creation(one, silent, (0, first.hash)), NOW)
    found = await talk.keys.find([Wanted(index=None, uid=other.uid, known_seq=-1)], [], caller=one, now=NOW)
    assert found.accounts[0]
    permits = PostgresPermits(messaging)
    for _ in range(2):
        permit = await permits.check(one, made.id, Rate(per_second=5, burst=60), NOW)
        assert permit.within_rate
        assert len(permit.keys) == 2
    assert await permits.heads([one.uid])
    for _ in range(2):
        await PostgresDeadEvents(messaging).file(
            function="f", event_id=thumbprint(), kind="k", reason="r", now=NOW
        )
    assert await people.sessions.end(one.uid, one.session, NOW)


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        ("messaging", "update sessions set revoked_at = null"),
        ("messaging", "insert into accounts (uid, created_at) values ('x', now())"),
        ("messaging", "delete from members"),
        ("identity", "select * from members"),
        ("identity", "delete from statements"),
        ("identity", "update statements set statement = ''"),
        ("maintenance", "delete from audit_log"),
        ("backup", "delete from proofs"),
        ("backup", "create table mine (n integer)"),
    ],
)
async def test_and_no_more(acting_as: Callable[[str], Pool], role: str, sql: str) -> None:
    with pytest.raises(StatementFailed) as refused:
        await acting_as(role).run(sql)
    assert refused.value.sqlstate == DENIED
