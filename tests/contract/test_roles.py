"""Every function's stores under the database role that functions.yaml gives it, and nothing beyond."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import yaml

from common.directory.model import Wanted
from common.errors import NotFound, ResetDelayed
from common.messages.model import Rate
from common.recovery.model import Backup
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.audit import PostgresAudit
from common.storage.postgres.connect import plain
from common.storage.postgres.connection import Connection
from common.storage.postgres.dead_events import PostgresDeadEvents
from common.storage.postgres.failures import StatementFailed
from common.storage.postgres.key_backups import PostgresKeyBackups
from common.storage.postgres.permits import PostgresPermits
from common.storage.postgres.pool import Pool
from common.storage.postgres.quotas import PostgresQuotas
from common.storage.postgres.restores import PostgresRestores
from common.storage.postgres.resubmissions import PostgresResubmissions
from common.storage.postgres.statements import Statements
from tests.contract.test_chains import account, fresh, history_key, removal, reset, stored
from tests.contract.test_restores import lost_account
from tests.contract.test_small_stores import quota
from tests.contract.world import (
    DAY,
    NOW,
    RealWorld,
    addition,
    asked,
    creation,
    encryption_key,
    new_session,
    thumbprint,
)

DENIED = "42501"
MANIFEST = yaml.safe_load((Path(__file__).parents[2] / "functions.yaml").read_text(encoding="utf-8"))
ROLES: dict[str, str] = {
    name: function["database_role"]
    for name, function in MANIFEST["functions"].items()
    if "database_role" in function
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Whom a function meets, made by the owner, and what it has under its own role."""

    pool: Pool
    statements: Statements
    owner: RealWorld
    actor: RealWorld


Work = Callable[[Cast], Awaitable[None]]


async def quotas(cast: Cast) -> None:
    limit = quota(2)
    assert await PostgresQuotas(cast.pool).admit([limit], NOW)
    assert await PostgresQuotas(cast.pool).admit([limit], NOW)


async def opening(cast: Cast) -> None:
    index, session = secrets.token_bytes(32), new_session()
    store = cast.actor.sessions
    assert await store.account_of(index) is None
    for _ in range(2):
        assert await store.keep_account(index, uid=session.uid, now=NOW) == session.uid
        await store.open(session, modulus="m" * 512, now=NOW)


async def renewing(cast: Cast) -> None:
    session = new_session()
    await cast.owner.join(session)
    hashes = {"presented": session.refresh_hash, "successor": thumbprint(), "proof": thumbprint()}
    assert await cast.actor.sessions.rotate(session.id, **hashes, now=NOW, expires_at=NOW + DAY)
    assert await cast.actor.sessions.find(session.id, NOW)


async def resubmitting(cast: Cast) -> None:
    owners, store = cast.owner.sessions.pool, PostgresResubmissions(cast.pool)
    phone, tablet, lost = await lost_account(cast.owner, owners)
    assert await store.signing_keys(phone, phone.uid, NOW)
    acts = [lost.addition, lost.history_key, lost.removal]
    await cast.owner.join(new_session(phone.uid, tablet.device))
    assert (await store.ending(phone, acts, NOW)).devices
    assert (await store.append(phone, acts, NOW)).seq == 3


async def standing(cast: Cast) -> None:
    assert await cast.actor.sessions.standing(await cast.owner.join(), NOW)


async def proofs(cast: Cast) -> None:
    device = thumbprint()
    assert await cast.actor.sessions.use_proof(device, "j" * 22, expires_at=NOW)
    assert not await cast.actor.sessions.use_proof(device, "j" * 22, expires_at=NOW)
    assert await cast.actor.sessions.use_proof(device, "k" * 22, expires_at=NOW + DAY)


async def ending(cast: Cast) -> None:
    caller = await cast.owner.join()
    assert await cast.actor.sessions.has(caller.uid, caller.session)
    await cast.actor.sessions.end(caller.uid, [caller.session], NOW)


async def listing(cast: Cast) -> None:
    caller = await cast.owner.join()
    assert await cast.actor.sessions.living(caller.uid, NOW, after=None, most=9)


async def naming(cast: Cast) -> None:
    caller = await cast.owner.join()
    assert await cast.actor.sessions.name(caller.uid, caller.session, "Phone", NOW)


async def ending_all(cast: Cast) -> None:
    caller = await cast.owner.join()
    await cast.actor.sessions.end(caller.uid, [caller.session], NOW)


async def admitting(cast: Cast) -> None:
    assert await cast.actor.sessions.standing_with_reset(await cast.owner.join(), NOW)


async def auditing(cast: Cast) -> None:
    caller = await cast.owner.join()
    assert await PostgresAudit(cast.pool).read(caller.uid, before=None, most=9)


async def saving(cast: Cast) -> None:
    caller, store = await cast.owner.join(), PostgresKeyBackups(cast.pool)
    for n in range(1, 6):
        backup = Backup(n=n, hash=thumbprint(), text="{}")
        for _ in range(2):
            await store.save(backup, caller, NOW)


async def reading(cast: Cast) -> None:
    caller = await cast.owner.join()
    backup = Backup(n=1, hash=thumbprint(), text="{}")
    await PostgresKeyBackups(cast.owner.sessions.pool).save(backup, caller, NOW)
    assert await PostgresKeyBackups(cast.pool).read(1, caller, NOW) == backup


async def publishing(cast: Cast) -> None:
    await cast.actor.publish(await cast.owner.join())


async def removing(cast: Cast) -> None:
    (phone, laptop), head = await account(cast.owner, 2)
    act = removal(phone, laptop, head)
    assert (await cast.actor.chains.ending(phone, act, NOW)).devices
    await cast.actor.chains.publish(phone, act, encryption_key(phone, 2), NOW)


async def announcing(cast: Cast) -> None:
    (phone,), head = await account(cast.owner)
    for n in (1, 2):
        act = history_key(phone, head, phone.uid.ljust(43, "A"), await stored(cast.owner, phone, n))
        head = (await cast.actor.chains.publish(phone, act, None, NOW)).head


async def resetting(cast: Cast) -> None:
    (phone,), head = await account(cast.owner)
    tablet = await cast.owner.join(new_session(phone.uid))
    with pytest.raises(ResetDelayed):
        await cast.actor.chains.ending(tablet, reset(tablet, head), NOW)
    due = NOW + DAY
    act = replace(reset(tablet, head), issued_at=int(due))
    await cast.actor.chains.publish(tablet, act, fresh(tablet, due), due)


async def asking(cast: Cast) -> None:
    (phone,), head = await account(cast.owner)
    tablet = await cast.owner.join(new_session(phone.uid))
    for _ in range(2):
        assert await cast.actor.links.request(tablet, *asked(tablet, head), NOW)


async def waiting(cast: Cast) -> None:
    assert await cast.actor.links.waiting((await cast.owner.join()).uid, NOW) is None


async def granting(cast: Cast) -> None:
    (phone,), head = await account(cast.owner)
    tablet = await cast.owner.join(new_session(phone.uid))
    request, pop, key = asked(tablet, head)
    await cast.owner.links.request(tablet, request, pop, key, NOW)
    await cast.actor.links.grant(phone, addition(phone, pop, head), thumbprint(), NOW, until=int(NOW) + 600)


async def joining(cast: Cast) -> None:
    assert await cast.actor.links.joining(await cast.owner.join(), NOW)


async def vetoing(cast: Cast) -> None:
    (phone,), head = await account(cast.owner)
    tablet = await cast.owner.join(new_session(phone.uid))
    with pytest.raises(ResetDelayed):
        await cast.owner.chains.ending(tablet, reset(tablet, head), NOW)
    await cast.actor.chains.veto(phone, NOW)


async def directory(cast: Cast) -> None:
    one, other = await cast.owner.join(), await cast.owner.join()
    await cast.owner.publish(other)
    wanted = Wanted(index=None, uid=other.uid, known_seq=-1)
    found = await cast.actor.directory.find([wanted], [], caller=one, now=NOW)
    assert found.accounts[0]


async def discovering(cast: Cast) -> None:
    caller = await cast.owner.join()
    for wanted in (secrets.token_bytes(32), secrets.token_bytes(32)):
        for _ in range(2):
            query = Wanted(index=wanted, uid=None, known_seq=-1, subject=wanted)
            await cast.actor.directory.find([query], [], caller=caller, now=NOW)


async def closing(cast: Cast) -> None:
    caller = await cast.owner.join()
    for discoverable in (False, True):
        await cast.actor.visibility.set_discoverable(caller, discoverable=discoverable, now=NOW)


async def conversing(cast: Cast) -> None:
    one, other, silent = await cast.owner.join(), await cast.owner.join(), await cast.owner.join()
    first, _ = await cast.owner.publish(one)
    await cast.owner.publish(other)
    for _ in range(2):
        await cast.actor.talk(one, other, (0, first.hash))
    with pytest.raises(NotFound):
        await cast.actor.conversations.create(creation(one, silent, (0, first.hash)), one.uid, NOW)
    assert await cast.actor.conversations.signing_key(one.uid, one.device)
    await PostgresRestores(cast.pool).restores()


async def permits(cast: Cast) -> None:
    one, other = await cast.owner.join(), await cast.owner.join()
    first, _ = await cast.owner.publish(one)
    await cast.owner.publish(other)
    made = await cast.owner.talk(one, other, (0, first.hash))
    store = PostgresPermits(cast.statements)
    for _ in range(2):
        permit = await store.check(one, made.id, Rate(per_second=5, burst=60), NOW)
        assert permit.within_rate
        assert len(permit.keys) == 2
    assert await store.heads([one.uid])


async def dead_events(cast: Cast) -> None:
    event = thumbprint()
    for _ in range(2):
        await PostgresDeadEvents(cast.pool).file(function="f", event_id=event, kind="k", reason="r", now=NOW)


async def dump(cast: Cast) -> None:
    for (table,) in await cast.pool.run("select tablename from pg_tables where schemaname = 'public'"):
        await cast.pool.run(f"select count(*) from {table}")  # noqa: S608 - a table's own name
    for (sequence,) in await cast.pool.run(
        "select sequencename from pg_sequences where schemaname = 'public'"
    ):
        await cast.pool.run(f"select last_value from {sequence}")  # noqa: S608 - a sequence's own name


USES: dict[str, tuple[Work, ...]] = {
    "sign_up": (quotas,),
    "create_session": (quotas, opening, admitting),
    "refresh_session": (renewing, ending, admitting),
    "revoke_session": (proofs, ending, standing),
    "revoke_all_sessions": (proofs, listing, ending_all, ending, standing),
    "list_sessions": (listing, standing),
    "name_session": (naming, standing),
    "list_audit": (auditing, standing),
    "resubmit_statements": (quotas, resubmitting),
    "publish_key": (proofs, publishing, removing, announcing, resetting, standing),
    "request_link": (proofs, asking, standing),
    "get_link_request": (waiting, standing),
    "grant_link": (proofs, granting, standing),
    "get_link_grant": (joining,),
    "veto_reset": (proofs, vetoing, standing),
    "save_key_backup": (proofs, quotas, saving, standing),
    "get_key_backup": (proofs, quotas, reading, standing),
    "find_keys": (directory, discovering, standing),
    "set_discovery": (closing, standing),
    "create_conversation": (conversing, standing),
    "send_message": (permits,),
    "on_message_created": (dead_events,),
    "daily_backup": (dump,),
    "check_backup": (dump,),
}


@pytest.fixture
async def acting_as(dsn: str, pool: Pool, firestore: FirestoreClient) -> AsyncIterator[Callable[[str], Cast]]:
    casts: list[Cast] = []

    def make(role: str) -> Cast:
        def connect(seconds: float) -> Connection:
            connection = plain(dsn)(seconds)
            connection.simple(f"set role sealpost_{role}")
            return connection

        mine = Pool(connect=connect, size=1)
        dial = partial(asyncpg.connect, dsn, server_settings={"role": f"sealpost_{role}"})
        casts.append(
            Cast(
                pool=mine,
                statements=Statements(dial=dial, size=1),
                owner=RealWorld(pool, firestore),
                actor=RealWorld(mine, firestore),
            )
        )
        return casts[-1]

    yield make
    for cast in casts:
        cast.pool.close()
        cast.statements.close()


def test_every_function_with_a_role_has_its_stores_here() -> None:
    assert USES.keys() == ROLES.keys()


@pytest.mark.parametrize(
    ("function", "work"),
    [(function, work) for function, works in USES.items() for work in works],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
async def test_a_function_can_do_its_work_in_its_role(
    acting_as: Callable[[str], Cast], function: str, work: Work
) -> None:
    await work(acting_as(ROLES[function]))


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        ("messaging", "update sessions set revoked_at = null"),
        ("messaging", "insert into accounts (uid, created_at) values ('x', now())"),
        ("messaging", "delete from members"),
        ("messaging", "select * from rate_limits"),
        ("messaging", "select * from dead_events"),
        ("identity", "select * from members"),
        ("identity", "delete from statements"),
        ("identity", "update statements set statement = ''"),
        ("identity", "update key_backups set backup = '{}'"),
        ("identity", "delete from audit_log"),
        ("maintenance", "delete from statements"),
        ("maintenance", "update statements set statement = ''"),
        ("backup", "delete from proofs"),
        ("backup", "create table mine (n integer)"),
    ],
)
async def test_and_no_more(acting_as: Callable[[str], Cast], role: str, sql: str) -> None:
    with pytest.raises(StatementFailed) as refused:
        await acting_as(role).pool.run(sql)
    assert refused.value.sqlstate == DENIED
