"""What a database does that came from a backup: an old time of it is lost, and comes back from those who know it."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from common.directory.model import Wanted
from common.errors import (
    ChainConflict,
    DeviceNotActive,
    Forbidden,
    InvalidRequest,
    KeyConflict,
    SealpostError,
    Unauthenticated,
)
from common.identity import Caller, Head
from common.keys.model import AddedDevice, Backup, FirstDevice, HistoryKey, Removal, Reset, ShutOut, Statement
from common.messages.model import Rate
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.audit import PostgresAudit
from common.storage.postgres.permits import PostgresPermits
from common.storage.postgres.pool import Pool
from common.storage.postgres.resubmissions import PostgresResubmissions
from common.storage.postgres.statements import Statements
from tests.contract.world import (
    DAY,
    NOW,
    RealWorld,
    addition,
    after,
    asked,
    encryption_key,
    new_session,
    statement,
    thumbprint,
)

LOST = int(NOW) - 400 * DAY
"""Long ago, so that other tests on this database meet no restore."""
RATE = Rate(per_second=5, burst=60)


@dataclass(frozen=True, slots=True)
class Lost:
    """What the account's devices signed in the lost time, in the order of the chain; then acts that may not come back."""

    head: Head
    addition: AddedDevice
    history_key: HistoryKey
    removal: Removal

    @property
    def all(self) -> list[Statement]:
        return [self.addition, self.history_key, self.removal]


@pytest.fixture
def world(pool: Pool, firestore: FirestoreClient) -> RealWorld:
    return RealWorld(pool, firestore)


@pytest.fixture
def store(pool: Pool) -> PostgresResubmissions:
    return PostgresResubmissions(pool)


async def lost_account(world: RealWorld, pool: Pool) -> tuple[Caller, Caller, Lost]:
    """Its phone, the tablet that was added and removed since, and how. The database has lost that."""
    await pool.run(
        "insert into restores (backup, point, restored_at) "
        "values ('2026-11-22', to_timestamp(:point::bigint), to_timestamp(:restored_at::bigint))",
        point=LOST,
        restored_at=LOST + DAY,
    )
    phone = await world.join()
    first = FirstDevice(**statement(phone, 0, None, LOST - DAY))
    key = replace(encryption_key(phone), issued_at=LOST - DAY)
    head = (await world.chains.publish(phone, first, key, LOST - DAY)).head
    tablet = Caller(uid=phone.uid, session="t" * 22, device=thumbprint())
    _, pop, _ = asked(tablet, head)
    added = addition(phone, pop, head, LOST)
    then = replace(head, seq=1, hash=added.hash)
    announced = HistoryKey(
        **after(phone, then, issued_at=LOST + 1), kid=thumbprint(), backup=Backup(1, thumbprint())
    )
    then = replace(head, seq=2, hash=announced.hash)
    removed = Removal(**after(phone, then, issued_at=LOST + 2), device=tablet.device)
    return phone, tablet, Lost(head, added, announced, removed)


async def state(pool: Pool, uid: str) -> list[object]:
    """All that a re-submission may change of an account."""
    tables = ("accounts", "devices", "statements", "history_keys", "sessions", "audit_log", "encryption_keys")
    return [
        await pool.run(f"select to_jsonb(t) from {table} t where uid = :uid order by 1", uid=uid)  # noqa: S608
        for table in tables
    ]


async def device_of(pool: Pool, caller: Caller) -> list[object]:
    rows = await pool.run("select state, restored from devices where id = :id", id=caller.device)
    return rows[0]


async def test_what_was_lost_comes_back_with_all_that_it_brought_about(
    world: RealWorld, pool: Pool, store: PostgresResubmissions
) -> None:
    phone, tablet, lost = await lost_account(world, pool)
    head = await store.append(phone, [lost.addition, lost.history_key], NOW)
    assert (head.seq, head.hash, head.root) == (2, lost.history_key.hash, lost.head.root)
    assert await device_of(pool, tablet) == ["active", True]
    living = "select kid from history_keys where uid = :uid and living"
    assert await pool.run(living, uid=phone.uid) == [[lost.history_key.kid]]
    session = await world.join(new_session(phone.uid, tablet.device))
    assert await store.ending(phone, lost.all, NOW) == ShutOut((tablet.device,), (session.session,))
    assert await world.sessions.standing(session, NOW)
    assert (await store.append(phone, lost.all, NOW)).seq == 3
    assert await world.sessions.standing(session, NOW) is None
    assert (await device_of(pool, tablet))[0] == "revoked"
    assert await pool.run(living, uid=phone.uid) == []
    before = await state(pool, phone.uid)
    for again in (lost.all, lost.all[1:], [lost.addition]):
        assert (await store.append(phone, again, NOW + 9)).seq == 3
    assert await state(pool, phone.uid) == before
    lines = await PostgresAudit(pool).read(phone.uid, before=None, most=9)
    resubmitted = [line for line in lines if line.act == "statements-resubmitted"]
    assert [line.session for line in resubmitted] == [phone.session] * 2


async def test_a_stranger_brings_it_back_and_leaves_no_trace_of_who_it_was(
    world: RealWorld, pool: Pool, store: PostgresResubmissions
) -> None:
    phone, _, lost = await lost_account(world, pool)
    friend = await world.join()
    await world.publish(friend)
    assert (await store.signing_keys(friend, phone.uid, NOW)).keys() == {phone.device}
    await store.append(friend, lost.all, NOW)
    (line, *_) = await PostgresAudit(pool).read(phone.uid, before=None, most=9)
    assert (line.act, line.device, line.session) == ("statements-resubmitted", None, None)


async def test_what_a_device_has_signed_that_was_removed_later_comes_from_its_own_account(
    world: RealWorld, pool: Pool, store: PostgresResubmissions
) -> None:
    """Whoever holds it could sign for the time that was lost; a stranger's account is easily had."""
    phone, tablet, lost = await lost_account(world, pool)
    friend = await world.join()
    await world.publish(friend)
    await store.append(friend, [lost.addition], NOW)
    await pool.run("insert into removed_devices (device) values (:device)", device=tablet.device)
    head = replace(lost.head, seq=1, hash=lost.addition.hash)
    by_tablet = HistoryKey(**after(tablet, head, issued_at=LOST + 1), kid=None, backup=None)
    before = await state(pool, phone.uid)
    for refusing in (store.append, store.ending):
        with pytest.raises(Forbidden, match="removed later"):
            await refusing(friend, [by_tablet], NOW)
    assert await state(pool, phone.uid) == before
    assert (await store.append(phone, [by_tablet], NOW)).seq == 2


async def test_a_device_that_was_removed_later_opens_no_session(world: RealWorld, pool: Pool) -> None:
    """It is active again in the chain as it was, until its removal is given back."""
    phone, _, _ = await lost_account(world, pool)
    await pool.run("insert into removed_devices (device) values (:device)", device=phone.device)
    with pytest.raises(Forbidden, match="was removed"):
        await world.join(new_session(phone.uid, phone.device))


async def test_of_many_at_once_each_finds_all_of_it(
    world: RealWorld, pool: Pool, store: PostgresResubmissions
) -> None:
    phone, _, lost = await lost_account(world, pool)
    heads = await asyncio.gather(
        *(store.append(phone, lost.all[:n], NOW) for n in (1, 2, 3, 3)),
    )
    assert max(head.seq for head in heads) == 3
    stored = await pool.run("select hash from statements where uid = :uid order by seq", uid=phone.uid)
    assert [row[0] for row in stored][1:] == [one.hash for one in lost.all]


async def test_who_may_bring_it_back(world: RealWorld, pool: Pool, store: PostgresResubmissions) -> None:
    phone, tablet, _ = await lost_account(world, pool)
    friend, pending = await world.join(), await world.join()
    await world.publish(friend)
    own = await world.join(new_session(phone.uid, tablet.device))
    for caller in (own, friend):
        assert await store.signing_keys(caller, phone.uid, NOW)
    assert await store.signing_keys(friend, "nobody", NOW) == {}
    refused: list[tuple[Caller, str, type[SealpostError]]] = [
        (pending, phone.uid, DeviceNotActive),
        (replace(friend, session="x" * 22), phone.uid, Unauthenticated),
    ]
    for caller, uid, error in refused:
        with pytest.raises(error):
            await store.signing_keys(caller, uid, NOW)
    await pool.run("update devices set state = 'revoked' where id = :id", id=friend.device)
    with pytest.raises(DeviceNotActive):
        await store.signing_keys(friend, friend.uid, NOW)


async def test_what_does_not_come_back_changes_nothing(
    world: RealWorld, pool: Pool, store: PostgresResubmissions
) -> None:
    phone, tablet, lost = await lost_account(world, pool)
    other, head = await world.join(), lost.head
    reset = Reset(**after(tablet, head, issued_at=LOST + 1))
    first = FirstDevice(**statement(phone, 0, None, LOST + 1))
    foreign = replace(lost.addition, pop=replace(lost.addition.pop, device=other.device))
    ((kid,),) = await pool.run("select kid from encryption_keys where uid = :uid", uid=phone.uid)
    wrapping = replace(lost.addition, pop=replace(lost.addition.pop, device=kid))
    refused: list[tuple[list[Statement], type[SealpostError]]] = [
        ([replace(lost.addition, issued_at=LOST - 601)], InvalidRequest),
        ([replace(lost.addition, issued_at=LOST + DAY + 601)], InvalidRequest),
        ([replace(lost.addition, issued_at=int(NOW))], InvalidRequest),
        ([reset], InvalidRequest),
        ([first], InvalidRequest),
        ([foreign], InvalidRequest),
        ([wrapping], InvalidRequest),
        ([replace(lost.addition, prev=thumbprint())], ChainConflict),
        ([lost.addition, lost.removal], ChainConflict),
        ([lost.addition, replace(lost.history_key, issued_at=LOST - 1)], InvalidRequest),
        ([replace(lost.addition, signer=tablet.device)], DeviceNotActive),
        ([lost.addition, replace(lost.history_key, kid=tablet.device)], InvalidRequest),
    ]
    before = await state(pool, phone.uid)
    for acts, error in refused:
        for call in (store.append, store.ending):
            with pytest.raises(error):
                await call(phone, acts, NOW)
    assert await state(pool, phone.uid) == before


@pytest.mark.parametrize("issued_at", [LOST - 600, LOST + DAY + 600])
async def test_clocks_may_be_ten_minutes_apart(
    world: RealWorld, pool: Pool, store: PostgresResubmissions, issued_at: int
) -> None:
    phone, _, lost = await lost_account(world, pool)
    assert (await store.append(phone, [replace(lost.addition, issued_at=issued_at)], NOW)).seq == 1


async def test_a_restored_devices_key_is_handed_out_when_it_has_published_another(
    world: RealWorld, pool: Pool, statements: Statements
) -> None:
    one, other = await world.join(), await world.join()
    first, _ = await world.publish(one)
    await world.publish(other)
    made = await world.talk(one, other, (0, first.hash))
    permits = PostgresPermits(statements)
    restored = "update devices set restored = true where id = :id"

    async def look(caller: Caller) -> tuple[bool, list[str], tuple[str, ...], int]:
        permit = await permits.check(caller, made.id, RATE, NOW)
        wanted = Wanted(index=None, uid=other.uid, known_seq=-1)
        (found,) = (await world.directory.find([wanted], [], caller=one, now=NOW)).accounts
        assert found is not None
        uids = [key.uid for key in permit.keys]
        return permit.device_restored, uids, permit.restored, len(found.encryption_keys)

    await pool.run(restored, id=other.device)
    assert await look(one) == (False, [one.uid], (other.uid,), 0)
    assert await look(other) == (True, [one.uid], (other.uid,), 0)
    standing = await world.sessions.standing(other, NOW)
    assert standing is not None
    assert standing.restored
    for n in (0, 1):
        with pytest.raises(KeyConflict) as refused:
            await world.chains.publish(other, None, encryption_key(other, n), NOW)
        assert refused.value.members == {"n": 1}
    await world.chains.publish(other, None, encryption_key(other, 7), NOW)
    assert await device_of(pool, other) == ["active", False]
    seen = await look(one)
    assert (seen[0], sorted(seen[1]), *seen[2:]) == (False, sorted((one.uid, other.uid)), (), 1)
    with pytest.raises(KeyConflict):
        await world.chains.publish(other, None, encryption_key(other, 9), NOW)


async def test_a_lost_beginning_comes_back_with_any_key(world: RealWorld, pool: Pool) -> None:
    await lost_account(world, pool)
    caller = await world.join()
    first = FirstDevice(**statement(caller, 0, None, LOST + 5))
    late = FirstDevice(**statement(caller, 0, None, LOST - 5_000))
    with pytest.raises(InvalidRequest):
        await world.chains.publish(caller, late, encryption_key(caller, 3), NOW)
    published = await world.chains.publish(caller, first, encryption_key(caller, 3), NOW)
    assert (published.state, published.head.seq) == ("active", 0)
    assert await device_of(pool, caller) == ["active", False]


async def test_a_lost_key_comes_back_by_the_same_bytes(world: RealWorld, pool: Pool) -> None:
    await lost_account(world, pool)
    caller = await world.join()
    await world.publish(caller)
    issued = replace(encryption_key(caller, 2, days=500), issued_at=LOST + 5)
    with pytest.raises(InvalidRequest):
        await world.chains.publish(caller, None, replace(issued, issued_at=LOST - 5_000), NOW)
    await world.chains.publish(caller, None, issued, NOW)


async def test_a_restored_session_is_renewed_by_any_of_its_tokens_once(world: RealWorld, pool: Pool) -> None:
    session = new_session()
    await world.join(session)
    await pool.run("update sessions set restored = true where id = :id", id=session.id)
    found = await world.sessions.find(session.id, NOW)
    assert found is not None
    assert found[0].restored

    async def renew() -> bool:
        hashes = {"presented": thumbprint(), "successor": thumbprint(), "proof": thumbprint()}
        return await world.sessions.rotate(session.id, **hashes, now=NOW, expires_at=NOW + DAY)

    assert sorted(await asyncio.gather(*(renew() for _ in range(4)))) == [False] * 3 + [True]
    await pool.run("update sessions set restored = true where id = :id", id=session.id)
    await world.sessions.end(session.uid, [session.id], NOW)
    assert not await renew()
