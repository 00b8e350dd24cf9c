import pytest

from common.errors import (
    ChainConflict,
    DeviceNotActive,
    InvalidRequest,
    KeyConflict,
    LinkPending,
    NotFound,
    Unauthenticated,
)
from common.keys import LinkGrant, LinkRequest
from common.keys.model import Joining
from tests.signing import digest
from tests.unit.keys.world import LAPTOP, MAC, PHONE, TABLET, UID, World, wrapping_jwk

OTHER_MAC = digest("another mac")


@pytest.fixture
async def world() -> World:
    made = World()
    await made.begin()
    await made.sign_in(LAPTOP)
    return made


async def test_a_device_is_linked(world: World) -> None:
    caller = await world.caller(LAPTOP)
    assert await world.linking.joining(caller) == Joining(state="gone")
    pop = await world.request(LAPTOP)
    assert await world.linking.joining(caller) == Joining(state="waiting")
    waiting = await world.linking.waiting(await world.caller(PHONE))
    assert waiting is not None
    assert waiting.json() == {
        "pop": pop,
        "encryption_key": world.store.links[UID].encryption_key,
        "mac": MAC,
        "expires_at": int(world.clock.now) + 600,
    }
    statement = world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=pop)
    head = await world.grant(statement, mac=OTHER_MAC)
    assert (head.seq, head.hash, head.root) == (1, digest(statement), world.store.chains[UID][0].hash)
    assert world.store.state(LAPTOP.kid) == "active"
    assert world.store.keys[LAPTOP.kid].compact == waiting.encryption_key
    assert await world.linking.waiting(await world.caller(PHONE)) is None
    first = world.store.chains[UID][0].compact
    assert await world.linking.joining(caller) == Joining(
        state="granted", mac=OTHER_MAC, head=head, statements=(first, statement)
    )
    assert world.store.audit[-1] == (UID, "device-added", LAPTOP.kid)


async def test_the_same_request_again_does_not_wait_longer_and_another_does(world: World) -> None:
    enc = world.key(LAPTOP)
    asked = LinkRequest(world.pop(LAPTOP, enc), enc, MAC, "proof")
    until = await world.linking.request(asked, await world.caller(LAPTOP), LAPTOP.known)
    world.clock.now += 100
    caller = await world.caller(LAPTOP)
    assert await world.linking.request(asked, caller, LAPTOP.known) == until
    other = LinkRequest(asked.pop, enc, OTHER_MAC, "proof")
    assert await world.linking.request(other, caller, LAPTOP.known) == until + 100
    assert world.store.links[UID].mac == OTHER_MAC


async def test_one_device_waits_at_a_time(world: World) -> None:
    await world.request(LAPTOP)
    with pytest.raises(LinkPending) as caught:
        await world.request(TABLET)
    assert caught.value.members == {"expires_at": int(world.clock.now) + 600}
    world.clock.now += 600
    await world.request(TABLET)
    assert world.store.links[UID].device == TABLET.kid


async def test_a_request_ends_after_ten_minutes(world: World) -> None:
    pop = await world.request(LAPTOP)
    world.clock.now += 599
    assert await world.linking.waiting(await world.caller(PHONE)) is not None
    world.clock.now += 1
    assert await world.linking.waiting(await world.caller(PHONE)) is None
    assert await world.linking.joining(await world.caller(LAPTOP)) == Joining(state="gone")
    with pytest.raises(NotFound):
        await world.grant(world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=pop))
    assert world.store.state(LAPTOP.kid) == "pending"


async def test_a_grant_is_told_for_ten_minutes_and_is_gone_then(world: World) -> None:
    await world.link(LAPTOP)
    world.clock.now += 599
    assert (await world.linking.joining(await world.caller(LAPTOP))).state == "granted"
    world.clock.now += 1
    assert await world.linking.joining(await world.caller(LAPTOP)) == Joining(state="gone")


async def test_the_same_grant_again_is_answered_alike(world: World) -> None:
    pop = await world.request(LAPTOP)
    statement = world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=pop)
    head = await world.grant(statement)
    world.clock.now += 3600
    assert await world.grant(statement) == head
    assert len(world.store.chains[UID]) == 2


async def test_what_is_granted_is_what_was_asked_for(world: World) -> None:
    await world.request(LAPTOP)
    other = world.pop(LAPTOP, world.key(LAPTOP), jti="x" * 22)
    with pytest.raises(
        InvalidRequest, match=r"^The statement must carry the pop of the request, unchanged\.$"
    ):
        await world.grant(world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=other))
    assert world.store.state(LAPTOP.kid) == "pending"


async def test_only_add_device_grants(world: World) -> None:
    await world.request(LAPTOP)
    for statement in (world.first(), world.next(PHONE, "revoke-device", device=PHONE.kid)):
        with pytest.raises(InvalidRequest, match=r"^A request is granted by add-device after seq 0\.$"):
            await world.grant(statement)


async def test_a_grant_for_the_head_before_is_a_conflict(world: World) -> None:
    pop = await world.request(LAPTOP)
    stale = world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=pop)
    await world.publish(PHONE, world.next(PHONE, "set-history-key", key=None, backup=None))
    with pytest.raises(ChainConflict) as caught:
        await world.grant(stale)
    assert caught.value.members == {"head": world.head.json()}
    await world.grant(world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=pop))


async def test_a_removed_device_grants_nothing(world: World) -> None:
    await world.link(LAPTOP)
    await world.sign_in(TABLET)
    world.clock.now += 600
    pop = await world.request(TABLET)
    await world.publish(PHONE, world.next(PHONE, "revoke-device", device=LAPTOP.kid))
    with pytest.raises(DeviceNotActive):
        await world.grant(world.next(LAPTOP, "add-device", device=TABLET.jwk(), pop=pop), LAPTOP)


async def test_ten_devices_are_an_account(world: World) -> None:
    for place in range(9):
        world.sessions.devices[f"device {place}"] = (UID, "m" * 512, "active")
    pop = await world.request(LAPTOP)
    with pytest.raises(InvalidRequest, match=r"^An account has at most 10 devices\."):
        await world.grant(world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=pop))
    world.store.become("device 0", "revoked")
    await world.grant(world.next(PHONE, "add-device", device=LAPTOP.jwk(), pop=pop))


async def test_who_may_not_ask(world: World) -> None:
    with pytest.raises(InvalidRequest, match=r"^This device is active already\.$"):
        await world.request(PHONE)
    await world.link(LAPTOP)
    await world.publish(PHONE, world.next(PHONE, "revoke-device", device=LAPTOP.kid))
    with pytest.raises(DeviceNotActive):
        await world.request(LAPTOP)


async def test_without_a_chain_there_is_nothing_to_join(world: World) -> None:
    enc, alone = world.key(LAPTOP), World()
    asked = LinkRequest(world.pop(LAPTOP, enc), enc, MAC, "proof")
    with pytest.raises(InvalidRequest, match=r"^The account has no key chain yet"):
        await alone.linking.request(asked, await alone.caller(LAPTOP), LAPTOP.known)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"aud": "https://other.example"}, "The pop is for another service: check aud."),
        ({"root": digest("another root")}, "The pop names another root than the chain's: check head."),
        (
            {"enc": digest("x")},
            "The pop must name the device's first encryption key, and that one be sent with it.",
        ),
        ({"device": TABLET.jwk()}, "The pop is not signed by the device."),
    ],
)
async def test_a_pop_is_for_this_service_chain_and_key(
    world: World, changed: dict[str, object], sentence: str
) -> None:
    enc = world.key(LAPTOP)
    asked = LinkRequest(world.pop(LAPTOP, enc, **changed), enc, MAC, "proof")
    with pytest.raises(InvalidRequest) as refused:
        await world.linking.request(asked, await world.caller(LAPTOP), LAPTOP.known)
    assert refused.value.detail == sentence
    assert world.store.links == {}


async def test_a_pop_of_another_device_is_refused(world: World) -> None:
    enc = world.key(LAPTOP)
    asked = LinkRequest(world.pop(TABLET, enc), enc, MAC, "proof")
    with pytest.raises(InvalidRequest, match=r"^The pop must be of the caller's device\.$"):
        await world.linking.request(asked, await world.caller(LAPTOP), LAPTOP.known)


@pytest.mark.parametrize("changed", [{"n": 2}, {"iat": 0, "exp": 10}])
async def test_the_key_is_the_devices_first_and_made_now(world: World, changed: dict[str, int]) -> None:
    enc = world.key(LAPTOP, **changed)
    asked = LinkRequest(world.pop(LAPTOP, enc), enc, MAC, "proof")
    with pytest.raises(InvalidRequest):
        await world.linking.request(asked, await world.caller(LAPTOP), LAPTOP.known)


async def test_a_key_that_was_published_is_a_conflict(world: World) -> None:
    world.store.published[wrapping_jwk(LAPTOP, 1)["kid"]] = world.store.keys[PHONE.kid]
    with pytest.raises(KeyConflict):
        await world.request(LAPTOP)


@pytest.mark.parametrize("mac", ["", "x" * 43, MAC[:-1], MAC + "=", "+" + MAC[1:]])
def test_a_mac_is_32_bytes(mac: str) -> None:
    with pytest.raises(InvalidRequest):
        LinkRequest("pop", "enc", mac, "proof")
    with pytest.raises(InvalidRequest):
        LinkGrant("statement", mac, "proof")


async def test_an_ended_session_learns_nothing(world: World) -> None:
    caller = await world.caller(LAPTOP)
    await world.request(LAPTOP)
    await world.sessions.end(UID, [caller.session], world.clock.now)
    with pytest.raises(Unauthenticated):
        await world.linking.joining(caller)
