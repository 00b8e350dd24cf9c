from dataclasses import replace

import pytest

from common.errors import DeviceNotActive, InvalidProof, Unauthenticated
from common.identity import Caller
from common.jose import RsaKey
from common.sessions import tokens
from tests.unit.sessions.world import LAPTOP, PHONE, SERVICE, World, caller_of, target

PUBLISH = target("publish_key")
NOT_ACTIVE = "This device is not active in the account's key chain. Publish or link it first."


async def test_a_token_becomes_its_caller_without_a_database(world: World) -> None:
    opened = await world.begin()
    world.store.sessions.clear()
    assert world.gate.caller(opened.access_token) == caller_of(opened)


async def test_a_token_ends_by_the_gates_clock(world: World) -> None:
    opened = await world.begin()
    world.clock.now += 906
    with pytest.raises(Unauthenticated):
        world.gate.caller(opened.access_token)


async def test_an_active_device_passes_and_its_key_is_known(world: World) -> None:
    key = await world.gate.require_active(caller_of(await world.begin()))
    assert key == RsaKey(n=PHONE.n, alg="PS256", use="sig")


async def test_a_pending_device_does_not_pass(world: World) -> None:
    caller = caller_of(await world.begin(active=False))
    with pytest.raises(DeviceNotActive) as refused:
        await world.gate.require_active(caller)
    assert refused.value.detail == NOT_ACTIVE


async def test_a_session_that_has_ended_does_not_pass(world: World) -> None:
    caller = caller_of(await world.begin())
    await world.admission.end(caller, caller.session)
    with pytest.raises(Unauthenticated) as refused:
        await world.gate.require_active(caller)
    assert refused.value.detail == "This session has ended. Sign in again."


@pytest.mark.parametrize(
    "changed", [{"uid": "bob1"}, {"device": LAPTOP.kid}, {"session": "x" * 22}], ids=repr
)
async def test_a_caller_must_be_the_sessions_own(world: World, changed: dict[str, str]) -> None:
    caller = replace(caller_of(await world.begin()), **changed)
    with pytest.raises(Unauthenticated):
        await world.gate.require_active(caller)


async def test_a_pending_device_may_prove_itself(world: World) -> None:
    opened = await world.begin(active=False)
    made = world.proof("publish_key", opened.access_token)
    await world.gate.require_proof(caller_of(opened), made, PUBLISH, token=opened.access_token)


async def test_a_proof_counts_once(world: World) -> None:
    opened = await world.begin()
    made = world.proof("publish_key", opened.access_token)
    await world.gate.require_proof(caller_of(opened), made, PUBLISH, token=opened.access_token)
    with pytest.raises(InvalidProof, match=r"^The proof was used before\. Make a new one for each call\.$"):
        await world.gate.require_proof(caller_of(opened), made, PUBLISH, token=opened.access_token)


async def test_a_device_may_make_many_proofs(world: World) -> None:
    opened = await world.begin()
    for letter in "abc":
        made = world.proof("publish_key", opened.access_token, jti=letter * 22)
        await world.gate.require_proof(caller_of(opened), made, PUBLISH, token=opened.access_token)
    assert world.store.proofs == {(opened.device, letter * 22) for letter in "abc"}


async def test_two_devices_may_use_the_same_jti(world: World) -> None:
    for device in (world.begin(), world.begin(LAPTOP)):
        opened = await device
        key = LAPTOP if opened.device == LAPTOP.kid else None
        made = world.proof("publish_key", opened.access_token, *([key] if key else []), jti="j" * 22)
        await world.gate.require_proof(caller_of(opened), made, PUBLISH, token=opened.access_token)


async def test_a_used_jti_is_remembered_as_long_as_it_could_be_replayed(world: World) -> None:
    opened = await world.begin()
    kept: list[float] = []

    async def use_proof(device: str, jti: str, *, expires_at: float) -> bool:
        kept.append(expires_at)
        return True

    world.store.use_proof = use_proof  # type: ignore[method-assign]
    ahead = world.proof("publish_key", opened.access_token, iat=int(world.clock.now) + 120)
    await world.gate.require_proof(caller_of(opened), ahead, PUBLISH, token=opened.access_token)
    assert kept == [world.clock.now + 240]


async def refuse(world: World, caller: Caller, proof: str, token: str) -> None:
    with pytest.raises(InvalidProof):
        await world.gate.require_proof(caller, proof, PUBLISH, token=token)


async def test_a_proof_of_something_else_is_refused(world: World) -> None:
    opened = await world.begin()
    token, caller = opened.access_token, caller_of(opened)
    await refuse(world, caller, world.proof("publish_key", token, LAPTOP), token)
    await refuse(world, caller, world.proof("revoke_session", token), token)
    await refuse(world, caller, world.proof("publish_key", opened.refresh_token), token)
    await refuse(world, caller, world.proof("publish_key", token, aud="https://evil.example"), token)
    await refuse(world, caller, world.proof("publish_key", token, htm="GET"), token)
    await refuse(world, caller, world.proof("publish_key", token, iat=int(world.clock.now) - 121), token)
    another = tokens.issue(caller, issuer=SERVICE, keys=world.keys, now=world.clock.now)
    await refuse(world, caller, world.proof("publish_key", another), token)
    used = len(world.store.proofs)
    await refuse(world, caller, "", token)
    assert len(world.store.proofs) == used


async def test_a_session_that_has_ended_proves_nothing(world: World) -> None:
    opened = await world.begin()
    made = world.proof("publish_key", opened.access_token)
    await world.admission.end(caller_of(opened), opened.session)
    with pytest.raises(Unauthenticated):
        await world.gate.require_proof(caller_of(opened), made, PUBLISH, token=opened.access_token)


async def test_a_device_that_has_to_be_active_keeps_its_proof_until_it_is(world: World) -> None:
    opened = await world.begin(active=False)
    caller, token = caller_of(opened), opened.access_token
    made = world.proof("publish_key", token)
    with pytest.raises(DeviceNotActive) as refused:
        await world.gate.require_proof(caller, made, PUBLISH, token=token, active=True)
    assert refused.value.detail == NOT_ACTIVE
    world.activate()
    assert await world.gate.require_proof(caller, made, PUBLISH, token=token, active=True) == PHONE.known
    await refuse(world, caller, made, token)
