import pytest

from common.conversations import Conversations, NewConversation
from common.conversations.statements import direct_id, self_id
from common.errors import InvalidRequest, NotFound
from common.identity import Caller
from common.restores import Restore
from tests.fakes.clock import FakeClock
from tests.fakes.conversations import FakeConversationStore, FakeLiveConversations
from tests.fakes.restores import FakeRestores
from tests.signing import creation, digest, key

PHONE, LAPTOP = key("alice_signing"), key("bob_signing")
ALICE = Caller(uid="alice1", session="s" * 22, device=PHONE.kid)
BOB = Caller(uid="bob1", session="t" * 22, device=LAPTOP.kid)
HEADS = {"alice1": (0, digest("alice")), "bob1": (0, digest("bob"))}
ID = direct_id("alice1", "bob1")


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeConversationStore(heads=dict(HEADS))
        self.live = FakeLiveConversations()
        self.restores = FakeRestores()
        self.conversations = Conversations(
            store=self.store, live=self.live, restores=self.restores, clock=self.clock
        )

    def by_alice(self) -> NewConversation:
        return NewConversation(creation(PHONE, "alice1", "bob1", HEADS["alice1"], self.clock.now))

    def by_bob(self) -> NewConversation:
        return NewConversation(creation(LAPTOP, "bob1", "alice1", HEADS["bob1"], self.clock.now))


@pytest.fixture
def world() -> World:
    return World()


async def test_a_conversation_is_created_and_shown_to_both(world: World) -> None:
    request = world.by_alice()
    started = await world.conversations.start(request, ALICE, PHONE.known)
    assert started.json() == {"conversation_id": ID, "statements": [request.statement], "created": True}
    assert world.live.documents == {ID: (("alice1", "bob1"), 0)}
    assert world.live.kinds == {ID: "direct"}


async def test_a_conversation_with_oneself_has_one_member_and_stands_for_all_devices(world: World) -> None:
    statement = creation(PHONE, "alice1", "alice1", HEADS["alice1"], world.clock.now)
    started = await world.conversations.start(NewConversation(statement), ALICE, PHONE.known)
    own = self_id("alice1")
    assert started.json() == {"conversation_id": own, "statements": [statement], "created": True}
    assert world.live.documents == {own: (("alice1",), 0)}
    assert world.live.kinds == {own: "self"}
    tablet = key("carol_signing")
    again = creation(tablet, "alice1", "alice1", HEADS["alice1"], world.clock.now)
    caller = Caller(uid="alice1", session="u" * 22, device=tablet.kid)
    started = await world.conversations.start(NewConversation(again), caller, tablet.known)
    assert started.json() == {"conversation_id": own, "statements": [statement], "created": False}


async def test_who_closed_their_account_is_not_found_by_strangers(world: World) -> None:
    world.store.closed = {"bob1", "alice1"}
    with pytest.raises(NotFound):
        await world.conversations.start(world.by_alice(), ALICE, PHONE.known)
    assert (world.store.conversations, world.live.documents) == ({}, {})
    world.store.closed = {"alice1"}
    assert (await world.conversations.start(world.by_alice(), ALICE, PHONE.known)).created
    world.store.closed = {"bob1"}
    assert not (await world.conversations.start(world.by_alice(), ALICE, PHONE.known)).created


async def test_whoever_comes_second_gets_the_statement_of_the_first(world: World) -> None:
    first = world.by_bob()
    await world.conversations.start(first, BOB, LAPTOP.known)
    started = await world.conversations.start(world.by_alice(), ALICE, PHONE.known)
    assert started.json() == {"conversation_id": ID, "statements": [first.statement], "created": False}


async def test_creating_again_mends_a_document_that_was_never_written(world: World) -> None:
    await world.conversations.start(world.by_alice(), ALICE, PHONE.known)
    world.live.documents.clear()
    await world.conversations.start(world.by_alice(), ALICE, PHONE.known)
    assert world.live.documents == {ID: (("alice1", "bob1"), 0)}


async def test_creating_again_leaves_the_time_of_the_last_message(world: World) -> None:
    await world.conversations.start(world.by_alice(), ALICE, PHONE.known)
    await world.conversations.note_message(ID, 5_000)
    await world.conversations.start(world.by_bob(), BOB, LAPTOP.known)
    assert world.live.documents[ID] == (("alice1", "bob1"), 5_000)


async def test_the_other_member_must_have_published_a_chain(world: World) -> None:
    del world.store.heads["bob1"]
    with pytest.raises(NotFound):
        await world.conversations.start(world.by_alice(), ALICE, PHONE.known)
    assert world.live.documents == {}


async def test_the_head_must_be_the_creators(world: World) -> None:
    statement = creation(PHONE, "alice1", "bob1", (1, digest("later")), world.clock.now)
    with pytest.raises(InvalidRequest):
        await world.conversations.start(NewConversation(statement), ALICE, PHONE.known)
    assert world.live.documents == {}


async def test_a_forged_statement_stores_nothing(world: World) -> None:
    with pytest.raises(InvalidRequest):
        await world.conversations.start(world.by_bob(), ALICE, PHONE.known)
    assert world.store.conversations == {}


@pytest.mark.parametrize("iat", [-600, 600])
async def test_two_clocks_may_be_ten_minutes_apart(world: World, iat: int) -> None:
    statement = creation(PHONE, "alice1", "bob1", HEADS["alice1"], world.clock.now + iat)
    assert (await world.conversations.start(NewConversation(statement), ALICE, PHONE.known)).created


@pytest.mark.parametrize("iat", [-601, 601])
async def test_a_statement_of_another_time_stores_nothing(world: World, iat: int) -> None:
    statement = creation(PHONE, "alice1", "bob1", HEADS["alice1"], world.clock.now + iat)
    with pytest.raises(InvalidRequest):
        await world.conversations.start(NewConversation(statement), ALICE, PHONE.known)
    assert world.store.conversations == {}


async def test_a_lost_conversation_comes_back_by_its_statement_whoever_brings_it(world: World) -> None:
    request, made_at = world.by_alice(), world.clock.now
    world.clock.now += 5_000
    world.store.keys["alice1", PHONE.kid] = PHONE.n
    for member, device in ((ALICE, PHONE), (BOB, LAPTOP)):
        with pytest.raises(InvalidRequest):
            await world.conversations.start(request, member, device.known)
    world.restores.known = [Restore(point=made_at - 100, restored_at=world.clock.now)]
    for member, device, created in ((BOB, LAPTOP, True), (ALICE, PHONE, False)):
        started = await world.conversations.start(request, member, device.known)
        assert (started.statements, started.created) == ((request.statement,), created)


@pytest.mark.parametrize(("before", "after"), [(601, 5_000), (-5_601, -5_000)])
async def test_what_no_restore_has_lost_does_not_come_back(world: World, before: int, after: int) -> None:
    """The window reaches ten minutes further on both sides: the statement is older than that, or younger."""
    request, made_at = world.by_alice(), world.clock.now
    world.clock.now += 5_000
    world.restores.known = [Restore(point=made_at + before, restored_at=made_at + after)]
    with pytest.raises(InvalidRequest):
        await world.conversations.start(request, ALICE, PHONE.known)


async def test_a_lost_conversation_must_be_signed_by_a_device_of_its_creator(world: World) -> None:
    request = world.by_alice()
    world.restores.known = [Restore(point=world.clock.now - 1, restored_at=world.clock.now)]
    for keys in ({}, {("alice1", PHONE.kid): LAPTOP.n}):
        world.store.keys = keys
        with pytest.raises(InvalidRequest):
            await world.conversations.start(request, BOB, LAPTOP.known)
    assert world.store.conversations == {}


async def test_the_time_of_the_last_message_only_rises(world: World) -> None:
    await world.conversations.start(world.by_alice(), ALICE, PHONE.known)
    for at in (2_000, 3_000, 1_000, 3_000):
        assert await world.conversations.note_message(ID, at)
    assert world.live.documents[ID][1] == 3_000


async def test_a_message_in_no_conversation_is_said_so(world: World) -> None:
    assert not await world.conversations.note_message(ID, 1_000)
    assert world.live.documents == {}
