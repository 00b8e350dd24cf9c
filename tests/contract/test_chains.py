"""What the acts of a chain bring about, one after the other and at once."""

import asyncio
from dataclasses import replace

import pytest

from common.directory.model import Wanted
from common.errors import (
    ChainConflict,
    DeviceNotActive,
    Forbidden,
    InvalidRequest,
    RateLimited,
    ResetDelayed,
    SealpostError,
)
from common.identity import Caller, Head
from common.keys.model import Backup, EncryptionKey, HistoryKey, Published, Removal, Reset
from common.recovery.model import Backup as StoredBackup
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.audit import PostgresAudit
from common.storage.postgres.key_backups import PostgresKeyBackups
from common.storage.postgres.pool import Pool
from tests.contract.world import (
    DAY,
    NOW,
    FakeWorld,
    RealWorld,
    World,
    after,
    encryption_key,
    new_session,
    thumbprint,
)
from tests.contract.world import link as linked


async def account(world: World, devices: int = 1) -> tuple[list[Caller], Head]:
    """The callers of an account's active devices, and its head."""
    first = await world.join()
    await world.publish(first)
    callers = [first]
    for _ in range(devices - 1):
        joined = await world.join(new_session(first.uid))
        await linked(world, first, joined, await head_of(world, first))
        callers.append(joined)
    return callers, await head_of(world, first)


async def head_of(world: World, caller: Caller) -> Head:
    found = (await world.directory.find([by_uid(caller)], [], caller=caller, now=NOW)).accounts[0]
    assert found is not None
    return found.head


async def keys_of(world: World, caller: Caller) -> int:
    found = (await world.directory.find([by_uid(caller)], [], caller=caller, now=NOW)).accounts[0]
    assert found is not None
    assert len(found.statements) == found.head.seq + 1
    return len(found.encryption_keys)


def by_uid(caller: Caller) -> Wanted:
    return Wanted(index=None, uid=caller.uid, known_seq=-1)


def removal(caller: Caller, device: Caller, head: Head) -> Removal:
    return Removal(**after(caller, head), device=device.device)


def reset(caller: Caller, head: Head) -> Reset:
    return Reset(**after(caller, head))


def nothing(caller: Caller, head: Head) -> HistoryKey:
    """An act that changes no more than the head."""
    return HistoryKey(**after(caller, head), kid=None, backup=None)


def history_key(caller: Caller, head: Head, kid: str, backup: Backup) -> HistoryKey:
    return HistoryKey(**after(caller, head), kid=kid, backup=backup)


async def stored(world: World, caller: Caller, n: int) -> Backup:
    backup = Backup(n, thumbprint())
    if isinstance(world, FakeWorld):
        world.chains.backups.add((caller.uid, backup))
    if isinstance(world, RealWorld):
        text = StoredBackup(n=n, hash=backup.hash, text="{}")
        await PostgresKeyBackups(world.chains.pool).save(text, caller, NOW)
    return backup


async def test_a_removed_device_has_no_key_and_no_session(world: World) -> None:
    (phone, laptop), head = await account(world, 2)
    again = await world.join(new_session(laptop.uid, laptop.device))
    act = removal(phone, laptop, head)
    out = await world.chains.ending(phone, act, NOW)
    assert (out.devices, set(out.sessions)) == ((laptop.device,), {laptop.session, again.session})
    published = await world.chains.publish(phone, act, None, NOW)
    assert published.head == Head(uid=phone.uid, root=head.root, seq=head.seq + 1, hash=act.hash)
    assert published.state == "active"
    assert set(published.ended) == {laptop.session, again.session}
    assert await keys_of(world, phone) == 1
    assert [await world.sessions.standing(one, NOW) for one in (laptop, again)] == [None, None]
    standing = await world.sessions.standing(phone, NOW)
    assert standing is not None
    assert standing.head == published.head


async def test_a_device_removes_itself_as_the_last_one(world: World) -> None:
    (phone,), head = await account(world)
    published = await world.chains.publish(phone, removal(phone, phone, head), None, NOW)
    assert (published.state, published.ended) == ("revoked", (phone.session,))
    with pytest.raises(DeviceNotActive):
        await world.chains.publish(phone, nothing(phone, published.head), None, NOW)


async def test_a_removal_again_is_answered_alike(world: World) -> None:
    (phone, laptop), head = await account(world, 2)
    act = removal(phone, laptop, head)
    published = await world.chains.publish(phone, act, None, NOW)
    assert await world.chains.publish(phone, act, None, NOW + DAY) == published
    assert (await world.chains.ending(phone, act, NOW)).sessions == published.ended
    later = (await world.chains.publish(phone, nothing(phone, published.head), None, NOW)).head
    assert (await world.chains.publish(phone, act, None, NOW)).head == later


async def test_what_does_not_follow_changes_nothing(world: World) -> None:
    (phone, laptop), head = await account(world, 2)
    wrong = [
        (ChainConflict, replace(removal(phone, laptop, head), seq=head.seq)),
        (ChainConflict, replace(removal(phone, laptop, head), seq=head.seq + 2)),
        (ChainConflict, replace(removal(phone, laptop, head), prev=head.root)),
        (InvalidRequest, Removal(**after(phone, head, issued_at=int(NOW) - 1), device=laptop.device)),
        (InvalidRequest, Removal(**after(phone, head, issued_at=int(NOW) + 601), device=laptop.device)),
        (InvalidRequest, replace(removal(phone, laptop, head), device=thumbprint())),
    ]
    for error, act in wrong:
        with pytest.raises(error):
            await world.chains.ending(phone, act, NOW)
        with pytest.raises(error):
            await world.chains.publish(phone, act, None, NOW)
    assert await head_of(world, phone) == head
    assert await keys_of(world, phone) == 2


async def test_a_key_that_does_not_follow_takes_its_statement_back(world: World) -> None:
    (phone,), head = await account(world)
    with pytest.raises(SealpostError):
        await world.chains.publish(phone, nothing(phone, head), encryption_key(phone, 3), NOW)
    assert await head_of(world, phone) == head
    await world.chains.publish(phone, nothing(phone, head), encryption_key(phone, 2), NOW)


async def test_a_device_that_removes_itself_brings_no_key(world: World) -> None:
    (phone,), head = await account(world)
    with pytest.raises(DeviceNotActive):
        await world.chains.publish(phone, removal(phone, phone, head), encryption_key(phone, 2), NOW)
    assert await head_of(world, phone) == head


async def test_a_history_key_is_announced_with_a_backup_that_is_stored(world: World) -> None:
    (phone,), head = await account(world)
    kid, backup = thumbprint(), await stored(world, phone, 1)
    for missing in (Backup(1, thumbprint()), Backup(2, backup.hash)):
        with pytest.raises(InvalidRequest, match="not one that the account has stored"):
            await world.chains.publish(phone, history_key(phone, head, kid, missing), None, NOW)
    head = (await world.chains.publish(phone, history_key(phone, head, kid, backup), None, NOW)).head
    with pytest.raises(InvalidRequest, match="newer backup alone"):
        await world.chains.publish(phone, history_key(phone, head, kid, backup), None, NOW)
    newer = await stored(world, phone, 2)
    head = (await world.chains.publish(phone, history_key(phone, head, kid, newer), None, NOW)).head
    head = (await world.chains.publish(phone, nothing(phone, head), None, NOW)).head
    with pytest.raises(InvalidRequest, match="published before"):
        await world.chains.publish(phone, history_key(phone, head, kid, newer), None, NOW)


async def test_no_backup_is_announced_that_is_older_than_the_last(world: World) -> None:
    (phone,), head = await account(world)
    older, last = await stored(world, phone, 1), await stored(world, phone, 2)
    head = (await world.chains.publish(phone, history_key(phone, head, thumbprint(), last), None, NOW)).head
    for _ in ("while its key lives", "when it has ended"):
        with pytest.raises(InvalidRequest, match="older than the last"):
            await world.chains.publish(phone, history_key(phone, head, thumbprint(), older), None, NOW)
        head = (await world.chains.publish(phone, nothing(phone, head), None, NOW)).head
    await world.chains.publish(phone, history_key(phone, head, thumbprint(), last), None, NOW)


async def test_a_history_key_changes_forty_times_a_day_and_devices_go_at_any_time(world: World) -> None:
    (phone, laptop), head = await account(world, 2)
    for _ in range(40):
        last = nothing(phone, head)
        head = (await world.chains.publish(phone, last, None, NOW)).head
    with pytest.raises(RateLimited) as refused:
        await world.chains.publish(phone, nothing(phone, head), None, NOW)
    assert refused.value.retry_after == DAY
    assert (await world.chains.publish(phone, last, None, NOW)).head == head
    head = (await world.chains.publish(phone, removal(phone, laptop, head), None, NOW)).head
    tomorrow = HistoryKey(**after(phone, head, issued_at=int(NOW) + DAY), kid=None, backup=None)
    await world.chains.publish(phone, tomorrow, None, NOW + DAY)


async def test_a_history_keys_kid_occurs_once_in_the_service(world: World) -> None:
    (phone,), head = await account(world)
    (other,), other_head = await account(world)
    kid, backup = thumbprint(), await stored(world, phone, 1)
    head = (await world.chains.publish(phone, history_key(phone, head, kid, backup), None, NOW)).head
    with pytest.raises(SealpostError):
        await world.chains.publish(other, None, replace(encryption_key(other, 2), kid=kid), NOW)
    await world.chains.publish(other, None, encryption_key(other, 2), NOW)
    key = encryption_key(other, 3)
    await world.chains.publish(other, None, key, NOW)
    theirs = await stored(world, other, 1)
    for taken in (kid, key.kid, phone.device, other.device):
        with pytest.raises(InvalidRequest, match="published before"):
            await world.chains.publish(other, history_key(other, other_head, taken, theirs), None, NOW)


@pytest.mark.parametrize("end", ["removal", "reset"])
async def test_who_goes_takes_the_history_key_along(world: World, end: str) -> None:
    (phone, laptop), head = await account(world, 2)
    kid, backup = thumbprint(), await stored(world, phone, 1)
    head = (await world.chains.publish(phone, history_key(phone, head, kid, backup), None, NOW)).head
    newer, now = await stored(world, phone, 2), NOW + 7 * DAY
    if end == "removal":
        now = NOW
        head = (await world.chains.publish(phone, removal(phone, laptop, head), None, NOW)).head
    else:
        phone = await world.join(new_session(phone.uid), now=now)
        act = Reset(**after(phone, head, issued_at=int(now)))
        head = (await world.chains.publish(phone, act, fresh(phone, now), now)).head
    ended = HistoryKey(**after(phone, head, issued_at=int(now)), kid=kid, backup=newer)
    with pytest.raises(InvalidRequest, match="published before"):
        await world.chains.publish(phone, ended, None, now)


def fresh(caller: Caller, now: float) -> EncryptionKey:
    return replace(encryption_key(caller), issued_at=int(now), expires_at=int(now) + DAY)


async def test_a_reset_leaves_its_device_alone(world: World) -> None:
    (phone, laptop), head = await account(world, 2)
    now = NOW + 7 * DAY
    waiting = await world.join(new_session(phone.uid), now=now)
    tablet = await world.join(new_session(phone.uid), now=now)
    act = Reset(**after(tablet, head, issued_at=int(now)))
    out = {phone.session, laptop.session, waiting.session}
    ending = await world.chains.ending(tablet, act, now)
    assert set(ending.sessions) == out
    assert set(ending.devices) == {phone.device, laptop.device, waiting.device}
    first = fresh(tablet, now)
    published = await world.chains.publish(tablet, act, first, now)
    assert published.head == Head(uid=phone.uid, root=act.hash, seq=head.seq + 1, hash=act.hash)
    assert (published.state, set(published.ended)) == ("active", out)
    assert [await world.sessions.standing(one, now) for one in (phone, laptop, waiting)] == [None] * 3
    assert await keys_of(world, tablet) == 1
    joined = await world.join(new_session(phone.uid), now=now)
    await linked(world, tablet, joined, published.head, now=now)
    again = await world.chains.publish(tablet, act, first, now)
    assert joined.session not in again.ended
    assert await world.sessions.standing(joined, now)


async def test_a_reset_waits_while_another_device_is_in_use(world: World) -> None:
    (phone,), head = await account(world)
    tablet, other = await world.join(new_session(phone.uid)), await world.join(new_session(phone.uid))
    due_at = int(NOW) + DAY
    for _ in range(2):
        for ask in (
            world.chains.ending(tablet, reset(tablet, head), NOW),
            world.chains.publish(tablet, reset(tablet, head), encryption_key(tablet), NOW),
        ):
            with pytest.raises(ResetDelayed) as caught:
                await ask
            assert caught.value.members == {"due_at": due_at}
    with pytest.raises(ResetDelayed) as caught:
        await world.chains.ending(other, reset(other, head), NOW + 10)
    assert caught.value.members == {"due_at": due_at}
    assert await world.sessions.standing(phone, NOW)
    with pytest.raises(Forbidden):
        await world.chains.ending(other, Reset(**after(other, head, issued_at=due_at)), due_at)
    act = Reset(**after(tablet, head, issued_at=due_at))
    published = await world.chains.publish(tablet, act, fresh(tablet, due_at), due_at)
    assert published.head.root == act.hash


async def test_a_wish_that_is_too_old_counts_no_more(world: World) -> None:
    (phone,), head = await account(world)
    tablet = await world.join(new_session(phone.uid))
    with pytest.raises(ResetDelayed):
        await world.chains.ending(tablet, reset(tablet, head), NOW)
    late = NOW + 8 * DAY
    with pytest.raises(Forbidden):
        await world.chains.ending(tablet, Reset(**after(tablet, head, issued_at=int(late))), late)
    other = await world.join(new_session(phone.uid), now=late)
    await world.chains.ending(other, Reset(**after(other, head, issued_at=int(late))), late)


async def test_a_reset_wants_a_session_of_five_minutes_at_most(world: World) -> None:
    (phone,), head = await account(world)
    now = NOW + 7 * DAY + 1
    tablet = await world.join(new_session(phone.uid), now=now - 300)
    act = Reset(**after(tablet, head, issued_at=int(now)))
    with pytest.raises(Forbidden):
        await world.chains.ending(tablet, act, now)
    assert (await world.chains.ending(tablet, act, now - 1)).sessions


async def test_a_veto_ends_a_wish(world: World) -> None:
    (phone,), head = await account(world)
    tablet = await world.join(new_session(phone.uid))
    with pytest.raises(DeviceNotActive):
        await world.chains.veto(tablet, NOW)
    with pytest.raises(ResetDelayed):
        await world.chains.ending(tablet, reset(tablet, head), NOW)
    for _ in range(2):
        await world.chains.veto(phone, NOW)
    due = NOW + DAY
    with pytest.raises(Forbidden):
        await world.chains.ending(tablet, Reset(**after(tablet, head, issued_at=int(due))), due)


async def test_two_devices_at_once_lose_no_statement(world: World) -> None:
    callers, head = await account(world, 3)
    acts = [nothing(caller, head) for caller in callers]
    results = await asyncio.gather(
        *(world.chains.publish(caller, act, None, NOW) for caller, act in zip(callers, acts, strict=True)),
        return_exceptions=True,
    )
    (won,) = (result for result in results if isinstance(result, Published))
    assert won.head.seq == head.seq + 1
    lost = [result for result in results if isinstance(result, ChainConflict)]
    assert [error.members["head"] for error in lost] == [won.head.json()] * 2
    assert await head_of(world, callers[0]) == won.head
    await keys_of(world, callers[0])


async def test_the_same_statement_at_once_is_appended_once(world: World) -> None:
    (phone,), head = await account(world)
    act = nothing(phone, head)
    results = await asyncio.gather(*(world.chains.publish(phone, act, None, NOW) for _ in range(4)))
    assert {result.head.seq for result in results} == {head.seq + 1}


async def test_two_devices_that_remove_each_other_do_not_both_go(world: World) -> None:
    (phone, laptop), head = await account(world, 2)
    results = await asyncio.gather(
        world.chains.publish(phone, removal(phone, laptop, head), None, NOW),
        world.chains.publish(laptop, removal(laptop, phone, head), None, NOW),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Published) for result in results) == 1
    assert sum(isinstance(result, ChainConflict | DeviceNotActive) for result in results) == 1
    assert await keys_of(world, phone) == 1


async def test_a_reset_that_is_due_and_its_veto_cross(world: World) -> None:
    (phone,), head = await account(world)
    tablet = await world.join(new_session(phone.uid))
    with pytest.raises(ResetDelayed):
        await world.chains.ending(tablet, reset(tablet, head), NOW)
    due = NOW + DAY
    act = Reset(**after(tablet, head, issued_at=int(due)))
    done, vetoed = await asyncio.gather(
        world.chains.publish(tablet, act, fresh(tablet, due), due),
        world.chains.veto(phone, due),
        return_exceptions=True,
    )
    if isinstance(done, Published):
        assert isinstance(vetoed, DeviceNotActive)
    else:
        assert isinstance(done, Forbidden)
        assert vetoed is None


async def test_what_happened_is_written_down(pool: Pool, firestore: FirestoreClient) -> None:
    world = RealWorld(pool, firestore)
    (phone, laptop), head = await account(world, 2)
    tablet = await world.join(new_session(phone.uid))
    with pytest.raises(ResetDelayed):
        await world.chains.ending(tablet, reset(tablet, head), NOW)
    await world.chains.veto(phone, NOW)
    head = (await world.chains.publish(phone, nothing(phone, head), None, NOW)).head
    head = (await world.chains.publish(phone, removal(phone, laptop, head), None, NOW)).head
    current = "select count(*) from encryption_keys where device = :device and current"
    assert await pool.run(current, device=laptop.device) == [[0]]
    late = NOW + 7 * DAY
    desk = await world.join(new_session(phone.uid), now=late)
    await world.chains.publish(desk, Reset(**after(desk, head, issued_at=int(late))), fresh(desk, late), late)
    entries = await PostgresAudit(pool).read(phone.uid, before=None, most=50)
    acts = [(entry.act, entry.device, entry.session) for entry in entries if entry.act != "session-begun"]
    assert acts == [
        ("reset", desk.device, desk.session),
        ("device-revoked", laptop.device, phone.session),
        ("history-key-set", phone.device, phone.session),
        ("reset-vetoed", tablet.device, phone.session),
        ("reset-requested", tablet.device, tablet.session),
        ("device-added", laptop.device, phone.session),
        ("device-added", phone.device, phone.session),
    ]
