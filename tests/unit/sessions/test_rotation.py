"""Turning the ring of token keys: who signs when, and what a doubled call does."""

import asyncio
from dataclasses import replace

import pytest

from common.sessions import KeyRotation, tokens
from common.sessions.key_ring import KeyRing, SigningKey
from common.sessions.rotation import REST
from common.storage import key_files
from tests.fakes.clock import FakeClock
from tests.fakes.sessions import FakeKeyRing


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeKeyRing(KeyRing.new(self.clock.now))
        self.rotation = KeyRotation(store=self.store, clock=self.clock)

    @property
    def ring(self) -> KeyRing:
        return self.store.ring


@pytest.fixture
def world() -> World:
    return World()


def following(ring: KeyRing) -> SigningKey:
    assert ring.next is not None
    return ring.next


async def test_the_next_key_signs_and_the_one_that_signed_still_verifies(world: World) -> None:
    before = world.ring
    world.clock.now += REST
    assert await world.rotation.run()
    assert world.ring.current == before.next
    assert world.ring.previous == (before.current.verifying,)
    assert following(world.ring).kid not in {before.current.kid, following(before).kid}
    assert world.ring.changed_at == world.clock.now


async def test_a_key_goes_three_ways_and_is_gone(world: World) -> None:
    first = world.ring.current.verifying
    seen = []
    for _ in range(3):
        seen.append((first == world.ring.current.verifying, first in world.ring.previous))
        world.clock.now += REST
        assert await world.rotation.run()
    assert seen == [(True, False), (False, True), (False, False)]


async def test_within_an_hour_nothing_changes(world: World) -> None:
    world.clock.now += REST
    assert await world.rotation.run()
    before = world.ring
    world.clock.now += REST - 1
    assert not await world.rotation.run()
    assert world.ring is before


async def test_calls_at_once_turn_it_once(world: World) -> None:
    world.clock.now += REST
    before = world.ring
    turned = await asyncio.gather(*(world.rotation.run() for _ in range(8)))
    assert sorted(turned) == [False] * 7 + [True]
    assert world.ring.current == before.next


async def test_a_key_never_signs_before_it_was_published(world: World) -> None:
    """A ring from before there were next keys gets one first, and turns an hour later."""
    world.store.ring = replace(world.ring, next=None, previous=(SigningKey.new().verifying,), changed_at=0)
    before = world.ring
    assert await world.rotation.run()
    assert (world.ring.current, world.ring.previous) == (before.current, before.previous)
    published = following(world.ring)
    assert not await world.rotation.run()
    world.clock.now += REST
    assert await world.rotation.run()
    assert world.ring.current == published


def test_the_rest_outlasts_what_must_have_passed_by_then() -> None:
    reread = key_files._REREAD_SECONDS
    assert 2 * reread <= REST, "every verifier has had two chances to read the next key"
    assert tokens.LIFETIME + tokens._LEEWAY + reread < REST, "the last token of a retired key has run out"


def test_a_keys_name_is_its_thumbprint() -> None:
    one, other = SigningKey.new(), SigningKey.new()
    assert len(one.kid) == 43
    assert one.kid != other.kid
    assert one.verifying.kid == one.kid
