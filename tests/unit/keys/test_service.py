from typing import Any

import pytest

from common.errors import ChainConflict, DeviceNotActive, InvalidRequest, KeyConflict
from common.identity import Caller, Head
from common.keys import Publication, Publishing
from tests.fakes.clock import FakeClock
from tests.fakes.keys import FakeChainStore, FakeReaders
from tests.signing import digest, encryption_key, first_device, key

PHONE = key("alice_signing")
WRAPPING, NEXT = key("alice_encryption"), key("bob_encryption")
ALICE = Caller(uid="alice1", session="s" * 22, device=PHONE.kid)


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeChainStore()
        self.readers = FakeReaders()
        self.publishing = Publishing(store=self.store, readers=self.readers, clock=self.clock)

    def first(self, **changed: Any) -> str:
        return first_device(PHONE, "alice1", self.clock.now, **changed)

    def key(self, n: int = 1, **changed: Any) -> str:
        wrapping = WRAPPING if n % 2 else NEXT
        return encryption_key(PHONE, wrapping, "alice1", self.clock.now, n=n, **changed)

    async def publish(self, statement: str | None, encryption: str | None) -> Head:
        return await self.publishing.publish(Publication(statement, encryption, "proof"), ALICE, PHONE.known)


@pytest.fixture
def world() -> World:
    return World()


async def test_the_first_device_begins_the_chain_and_reads(world: World) -> None:
    statement = world.first()
    head = await world.publish(statement, world.key())
    assert head == Head(uid="alice1", root=digest(statement), seq=0, hash=digest(statement))
    assert world.readers.admitted == [ALICE]


async def test_publishing_the_same_bytes_again_is_answered_alike(world: World) -> None:
    statement, encryption = world.first(), world.key()
    first = await world.publish(statement, encryption)
    assert await world.publish(statement, encryption) == first
    assert world.readers.admitted == [ALICE, ALICE]


async def test_a_chain_does_not_begin_without_an_encryption_key(world: World) -> None:
    with pytest.raises(
        InvalidRequest, match=r"^A chain begins together with the device's first encryption key\.$"
    ):
        await world.publish(world.first(), None)
    assert world.store.chains == {}
    assert world.readers.admitted == []


async def test_a_statement_with_a_bad_key_publishes_neither(world: World) -> None:
    with pytest.raises(InvalidRequest):
        await world.publish(world.first(), world.key(env=[2]))
    assert (world.store.chains, world.store.keys, world.readers.admitted) == ({}, {}, [])


async def test_a_key_before_the_chain_is_refused(world: World) -> None:
    with pytest.raises(DeviceNotActive):
        await world.publish(None, world.key())
    assert world.readers.admitted == []


async def test_the_next_key_supersedes_the_current_one(world: World) -> None:
    head = await world.publish(world.first(), world.key())
    world.clock.now += 7 * 86_400
    following = world.key(2)
    assert await world.publish(None, following) == head
    assert world.store.keys[PHONE.kid].compact == following


async def test_a_key_that_does_not_follow_is_a_conflict(world: World) -> None:
    await world.publish(world.first(), world.key())
    for n in (1, 3):
        with pytest.raises(KeyConflict) as caught:
            await world.publish(None, world.key(n, ext={"other": 1}))
        assert caught.value.members == {"n": 1}


async def test_another_beginning_is_a_conflict_and_shows_the_head(world: World) -> None:
    head = await world.publish(world.first(), world.key())
    with pytest.raises(ChainConflict) as caught:
        await world.publish(world.first(ext={"other": 1}), world.key())
    assert caught.value.members == {"head": head.json()}


def test_a_publication_publishes_something() -> None:
    with pytest.raises(InvalidRequest, match=r"^Publish a statement, an encryption key, or both\.$"):
        Publication(None, None, "proof")
