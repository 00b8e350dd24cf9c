import pytest

from common.errors import ChainConflict, DeviceNotActive, Forbidden, InvalidRequest, KeyConflict, ResetDelayed
from common.identity import Head
from common.keys import Publication
from common.keys.model import Backup, Published
from tests.signing import digest, key
from tests.unit.keys.world import LAPTOP, PHONE, TABLET, UID, World

DAY = 86_400
HISTORY, OTHER_HISTORY = key("alice_history"), key("alice_next_history")


@pytest.fixture
def world() -> World:
    return World()


def backup(n: int) -> dict[str, object]:
    return {"n": n, "hash": digest(f"backup {n}")}


async def test_the_first_device_begins_the_chain_and_reads(world: World) -> None:
    statement = world.first()
    published = await world.publish(PHONE, statement, world.key())
    head = Head(uid=UID, root=digest(statement), seq=0, hash=digest(statement))
    assert published == Published(head=head, state="active")
    assert world.readers.admitted == [await world.caller(PHONE)]
    assert world.store.audit == [(UID, "device-added", PHONE.kid)]


async def test_publishing_the_same_bytes_again_is_answered_alike_however_late(world: World) -> None:
    statement, encryption = world.first(), world.key()
    first = await world.publish(PHONE, statement, encryption)
    world.clock.now += DAY
    assert await world.publish(PHONE, statement, encryption) == first
    assert len(world.readers.admitted) == 2
    assert len(world.store.audit) == 1


async def test_what_was_published_before_the_last_is_answered_with_the_head_of_now(world: World) -> None:
    await world.begin()
    removal = world.next(PHONE, "set-history-key", key=None, backup=None)
    await world.publish(PHONE, removal)
    later = await world.publish(PHONE, world.next(PHONE, "set-history-key", key=None, backup=None))
    assert await world.publish(PHONE, removal) == later


async def test_a_chain_does_not_begin_without_an_encryption_key(world: World) -> None:
    with pytest.raises(
        InvalidRequest, match=r"^A chain begins together with the device's first encryption key\.$"
    ):
        await world.publish(PHONE, world.first(), None)
    assert world.store.chains == {}
    assert world.readers.admitted == []


async def test_a_statement_with_a_bad_key_publishes_neither(world: World) -> None:
    with pytest.raises(InvalidRequest):
        await world.publish(PHONE, world.first(), world.key(env=[2]))
    assert (world.store.chains, world.store.keys, world.readers.admitted) == ({}, {}, [])


async def test_a_key_before_the_chain_is_refused(world: World) -> None:
    with pytest.raises(DeviceNotActive):
        await world.publish(PHONE, None, world.key())
    assert world.readers.admitted == []


async def test_the_next_key_supersedes_the_current_one(world: World) -> None:
    published = await world.begin()
    world.clock.now += 7 * DAY
    following = world.key(n=2)
    assert await world.publish(PHONE, None, following) == published
    assert world.store.keys[PHONE.kid].compact == following


async def test_a_key_that_does_not_follow_is_a_conflict(world: World) -> None:
    await world.begin()
    for n in (1, 3):
        with pytest.raises(KeyConflict) as caught:
            await world.publish(PHONE, None, world.key(n=n, ext={"other": 1}))
        assert caught.value.members == {"n": 1}


async def test_another_beginning_is_a_conflict_and_shows_the_head(world: World) -> None:
    published = await world.begin()
    with pytest.raises(ChainConflict) as caught:
        await world.publish(PHONE, world.first(ext={"other": 1}), world.key())
    assert caught.value.members == {"head": published.head.json()}


def test_a_publication_publishes_something() -> None:
    with pytest.raises(InvalidRequest, match=r"^Publish a statement, an encryption key, or both\.$"):
        Publication(None, None, "proof")


async def test_a_device_is_not_added_by_publishing(world: World) -> None:
    await world.begin()
    pop = await world.request(LAPTOP)
    with pytest.raises(InvalidRequest, match=r"^A further device is added by granting"):
        await world.publish(PHONE, world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=pop))


async def test_a_removed_device_has_nothing_left(world: World) -> None:
    await world.begin()
    laptop = await world.sign_in(LAPTOP)
    again = await world.sign_in(LAPTOP, "another session of it")
    phone = await world.caller(PHONE)
    await world.link(LAPTOP)
    removal = world.next(PHONE, "revoke-device", device=LAPTOP.kid)
    published = await world.publish(PHONE, removal)
    assert published.head.hash == digest(removal)
    assert set(published.ended) == {laptop.session, again.session}
    assert world.sessions.ended == {laptop.session, again.session}
    assert world.store.state(LAPTOP.kid) == "revoked"
    assert LAPTOP.kid not in world.store.keys
    assert set(world.documents.documents) == {(UID, phone.session)}
    assert world.store.audit[-1] == (UID, "device-revoked", LAPTOP.kid)


async def test_documents_that_came_back_go_when_a_removal_is_published_again(world: World) -> None:
    await world.begin()
    laptop = await world.sign_in(LAPTOP)
    await world.link(LAPTOP)
    removal = world.next(PHONE, "revoke-device", device=LAPTOP.kid)
    await world.publish(PHONE, removal)
    await world.documents.put(laptop, expires_at=0)
    await world.publish(PHONE, removal)
    assert (UID, laptop.session) not in world.documents.documents


async def test_a_removal_that_cannot_be_shuts_nobody_out(world: World) -> None:
    await world.begin()
    laptop = await world.sign_in(LAPTOP)
    await world.link(LAPTOP)
    stale = world.next(PHONE, "revoke-device", device=LAPTOP.kid)
    await world.publish(PHONE, world.next(PHONE, "set-history-key", key=None, backup=None))
    with pytest.raises(ChainConflict):
        await world.publish(PHONE, stale)
    assert (UID, laptop.session) in world.documents.documents


async def test_a_device_removes_itself_and_reads_no_more(world: World) -> None:
    await world.begin()
    await world.link(LAPTOP)
    published = await world.publish(LAPTOP, world.next(LAPTOP, "revoke-device", device=LAPTOP.kid))
    assert published.state == "revoked"
    assert world.readers.admitted == [await world.caller(PHONE)]


async def test_the_last_device_may_go_and_nothing_but_a_reset_follows(world: World) -> None:
    await world.begin()
    await world.publish(PHONE, world.next(PHONE, "revoke-device", device=PHONE.kid))
    with pytest.raises(DeviceNotActive):
        await world.publish(PHONE, world.next(PHONE, "set-history-key", key=None, backup=None))
    await world.sign_in(LAPTOP)
    reset = world.next(LAPTOP, "reset", device=LAPTOP.jwk())
    published = await world.publish(LAPTOP, reset, world.key(LAPTOP))
    assert (published.head.root, published.state) == (digest(reset), "active")


async def test_a_history_key_names_a_backup_that_is_stored(world: World) -> None:
    await world.begin()
    announced = world.next(PHONE, "set-history-key", key=HISTORY.wrapping_jwk(), backup=backup(1))
    with pytest.raises(InvalidRequest, match=r"^The backup is not one that the account has stored"):
        await world.publish(PHONE, announced)
    world.store.backups.add((UID, Backup(1, digest("backup 1"))))
    await world.publish(PHONE, announced)
    assert world.store.history[UID].kid == HISTORY.kid


async def test_a_history_key_has_newer_backups_and_ends_once(world: World) -> None:
    await world.begin()
    for n in (1, 2, 3):
        world.store.backups.add((UID, Backup(n, digest(f"backup {n}"))))

    async def announce(history: dict[str, object] | None, n: int | None) -> None:
        named = None if n is None else backup(n)
        await world.publish(PHONE, world.next(PHONE, "set-history-key", key=history, backup=named))

    first, other = HISTORY.wrapping_jwk(), OTHER_HISTORY.wrapping_jwk()
    await announce(first, 1)
    await announce(first, 2)
    for n in (1, 2):
        with pytest.raises(InvalidRequest, match=r"with a newer backup alone\.$"):
            await announce(first, n)
    await announce(other, 2)
    assert world.store.history[UID].kid == OTHER_HISTORY.kid
    with pytest.raises(InvalidRequest, match=r"^This history key was published before\."):
        await announce(first, 3)
    await announce(None, None)
    assert world.store.history == {}
    with pytest.raises(InvalidRequest, match=r"^This history key was published before\."):
        await announce(other, 3)


async def test_a_device_is_no_history_key(world: World) -> None:
    await world.begin()
    world.store.backups.add((UID, Backup(1, digest("backup 1"))))
    with pytest.raises(InvalidRequest, match=r"^This history key was published before\."):
        await world.publish(
            PHONE, world.next(PHONE, "set-history-key", key=PHONE.wrapping_jwk(), backup=backup(1))
        )


async def test_time_does_not_fall_and_is_the_time_of_now(world: World) -> None:
    await world.begin()
    earlier = world.next(PHONE, "set-history-key", key=None, backup=None, iat=int(world.clock.now) - 1)
    with pytest.raises(InvalidRequest, match=r"must not be earlier"):
        await world.publish(PHONE, earlier)
    for ahead, fits in ((601, False), (600, True)):
        iat = int(world.clock.now) + ahead
        statement = world.next(PHONE, "set-history-key", key=None, backup=None, iat=iat)
        if fits:
            await world.publish(PHONE, statement)
            continue
        with pytest.raises(InvalidRequest, match=r"iat is more than 600 seconds away"):
            await world.publish(PHONE, statement)


async def test_a_history_key_is_no_device(world: World) -> None:
    await world.begin()
    world.store.backups.add((UID, Backup(1, digest("backup 1"))))
    await world.publish(
        PHONE, world.next(PHONE, "set-history-key", key=TABLET.wrapping_jwk(), backup=backup(1))
    )
    world.clock.now += 7 * DAY
    await world.sign_in(TABLET)
    with pytest.raises(InvalidRequest, match=r"^The device's key was a history key of the account\."):
        await world.publish(TABLET, world.next(TABLET, "reset", device=TABLET.jwk()), world.key(TABLET))
    pop = await world.request(TABLET)
    with pytest.raises(InvalidRequest, match=r"^The device's key was a history key of the account\."):
        await world.grant(world.next(PHONE, "add-device", device=TABLET.jwk(), pop=pop))


async def unseen(world: World) -> None:
    """The phone has a chain and was not seen for a week."""
    await world.begin()
    world.clock.now += 7 * DAY


async def test_a_reset_makes_its_device_the_only_one(world: World) -> None:
    await world.begin()
    await world.link(LAPTOP)
    world.store.backups.add((UID, Backup(1, digest("backup 1"))))
    await world.publish(
        PHONE, world.next(PHONE, "set-history-key", key=HISTORY.wrapping_jwk(), backup=backup(1))
    )
    await world.sign_in(key("alice_desk_signing"), "waits to be linked")
    world.clock.now += 7 * DAY
    tablet = await world.sign_in(TABLET)
    await world.request(TABLET)
    reset = world.next(TABLET, "reset", device=TABLET.jwk())
    published = await world.publish(TABLET, reset, world.key(TABLET))
    assert published.head == Head(uid=UID, root=digest(reset), seq=3, hash=digest(reset))
    assert [world.store.state(device.kid) for device in (PHONE, LAPTOP, TABLET)] == [
        "revoked",
        "revoked",
        "active",
    ]
    assert world.store.keys.keys() == {TABLET.kid}
    assert (world.store.history, world.store.links, world.store.wishes) == ({}, {}, {})
    assert set(world.documents.documents) == {(UID, tablet.session)}
    assert world.store.audit[-1] == (UID, "reset", TABLET.kid)
    assert world.readers.admitted[-1] == tablet


async def test_a_reset_again_shuts_out_none_who_came_since(world: World) -> None:
    await unseen(world)
    await world.sign_in(TABLET)
    reset, first = world.next(TABLET, "reset", device=TABLET.jwk()), world.key(TABLET)
    await world.publish(TABLET, reset, first)
    laptop = await world.sign_in(LAPTOP)
    await world.link(LAPTOP, TABLET)
    await world.publish(TABLET, reset, first)
    assert (UID, laptop.session) in world.documents.documents


async def test_a_reset_wants_a_link_of_now(world: World) -> None:
    await unseen(world)
    await world.sign_in(TABLET)
    world.clock.now += 300
    with pytest.raises(Forbidden, match="Ask for a new link"):
        await world.publish(TABLET, world.next(TABLET, "reset", device=TABLET.jwk()), world.key(TABLET))
    world.clock.now -= 1
    await world.publish(TABLET, world.next(TABLET, "reset", device=TABLET.jwk()), world.key(TABLET))


async def delayed(world: World) -> int:
    """What the tablet is told of when its reset is due."""
    with pytest.raises(ResetDelayed) as caught:
        await world.publish(TABLET, world.next(TABLET, "reset", device=TABLET.jwk()), world.key(TABLET))
    due_at: int = caught.value.members["due_at"]
    return due_at


async def test_a_reset_waits_where_another_device_was_in_use_and_shuts_nobody_out(world: World) -> None:
    await world.begin()
    tablet = await world.sign_in(TABLET)
    due_at = await delayed(world)
    assert due_at == int(world.clock.now) + DAY
    assert world.store.state(PHONE.kid) == "active"
    assert len(world.documents.documents) == 2
    assert world.store.audit[-1] == (UID, "reset-requested", TABLET.kid)
    world.clock.now += DAY - 1
    assert await delayed(world) == due_at
    assert len(world.store.audit) == 2
    world.clock.now += 1
    published = await world.publish(
        TABLET, world.next(TABLET, "reset", device=TABLET.jwk()), world.key(TABLET)
    )
    assert published.state == "active"
    assert set(world.documents.documents) == {(UID, tablet.session)}


async def test_a_wish_counts_for_a_week_after_it_is_due(world: World) -> None:
    await world.begin()
    await world.sign_in(TABLET)
    due_at = await delayed(world)
    world.clock.now = due_at + 7 * DAY
    with pytest.raises(Forbidden):
        await delayed(world)
    world.clock.now -= 1
    await world.publish(TABLET, world.next(TABLET, "reset", device=TABLET.jwk()), world.key(TABLET))


async def test_the_first_wish_stands_before_another_ones(world: World) -> None:
    await world.begin()
    await world.sign_in(TABLET)
    due_at = await delayed(world)
    world.clock.now += 100
    await world.sign_in(LAPTOP)
    with pytest.raises(ResetDelayed) as caught:
        await world.publish(LAPTOP, world.next(LAPTOP, "reset", device=LAPTOP.jwk()), world.key(LAPTOP))
    assert caught.value.members == {"due_at": due_at}
    assert world.store.wishes[UID].device == TABLET.kid


async def test_a_veto_ends_a_wish_and_may_be_repeated(world: World) -> None:
    await world.begin()
    await world.sign_in(TABLET)
    await delayed(world)
    with pytest.raises(DeviceNotActive):
        await world.vetoing.veto(await world.caller(TABLET))
    for _ in range(2):
        await world.vetoing.veto(await world.caller(PHONE))
    assert world.store.wishes == {}
    assert [act for _, act, _ in world.store.audit] == ["device-added", "reset-requested", "reset-vetoed"]


async def test_an_active_or_removed_device_resets_nothing(world: World) -> None:
    await unseen(world)
    with pytest.raises(InvalidRequest, match=r"^This device is active already\.$"):
        await world.publish(PHONE, world.next(PHONE, "reset", device=PHONE.jwk()), world.key(n=2))
    await world.publish(PHONE, world.next(PHONE, "revoke-device", device=PHONE.kid))
    with pytest.raises(DeviceNotActive):
        await world.publish(PHONE, world.next(PHONE, "reset", device=PHONE.jwk()), world.key(n=2))


async def test_an_account_without_a_chain_is_not_reset(world: World) -> None:
    statement = world.first()
    await world.sign_in(TABLET)
    world.sessions.heads[UID] = Head(uid=UID, root=digest(statement), seq=0, hash=digest(statement))
    reset = world.next(TABLET, "reset", device=TABLET.jwk())
    del world.sessions.heads[UID]
    with pytest.raises(InvalidRequest, match=r"^The account has no key chain yet\."):
        await world.publish(TABLET, reset, world.key(TABLET))


async def test_many_documents_are_deleted_in_commits_of_a_size_that_firestore_takes(world: World) -> None:
    await world.begin()
    await world.link(LAPTOP)
    for place in range(250):
        await world.sign_in(LAPTOP, f"session {place}")
    sizes = []
    delete = world.documents.delete

    async def spy(uid: str, *sessions: str) -> None:
        sizes.append(len(sessions))
        await delete(uid, *sessions)

    world.documents.delete = spy  # type: ignore[method-assign]
    await world.publish(PHONE, world.next(PHONE, "revoke-device", device=LAPTOP.kid))
    assert sizes == [100, 100, 51] * 2
