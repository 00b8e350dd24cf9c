import asyncio
from dataclasses import replace

import pytest

from common.errors import InvalidProof, SealpostError, Unauthenticated, Unavailable
from common.jose import digest
from common.sessions import Opened
from common.sessions.model import StoredSession
from tests.unit.sessions.world import LAPTOP, PHONE, World, caller_of

USED_BEFORE = r"^This refresh token was used before, so its session has ended\. Sign in again\.$"


async def require_ended(world: World, opened: Opened) -> None:
    assert opened.session in world.store.ended
    assert ("alice1", opened.session) not in world.live.documents
    with pytest.raises(Unauthenticated):
        await world.gate.require_active(caller_of(opened))


async def test_a_renewal_rotates_the_token(world: World) -> None:
    opened = await world.begin()
    renewed = await world.renew(world.renewal(opened.refresh_token))
    assert (renewed.uid, renewed.session, renewed.device) == (opened.uid, opened.session, opened.device)
    assert renewed.refresh_token != opened.refresh_token
    assert renewed.access_token != opened.access_token
    assert renewed.state == "active"
    again = await world.renew(world.renewal(renewed.refresh_token))
    assert again.refresh_token not in {opened.refresh_token, renewed.refresh_token}


async def test_a_renewal_lengthens_the_session_and_its_document(world: World) -> None:
    opened = await world.begin()
    world.clock.now += 44 * 86_400
    await world.renew(world.renewal(opened.refresh_token))
    assert world.store.sessions[opened.session].expires_at == world.clock.now + 45 * 86_400
    assert world.live.documents["alice1", opened.session] == world.clock.now + 7_800


async def test_a_session_that_was_about_to_end_reads_as_long_as_any_other(world: World) -> None:
    opened = await world.begin()
    world.clock.now += 45 * 86_400 - 60
    await world.renew(world.renewal(opened.refresh_token))
    assert world.live.documents["alice1", opened.session] == world.clock.now + 7_800


@pytest.mark.parametrize("fault", ["live", "identities"])
async def test_a_fault_however_long_does_not_use_the_token_up(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    async def unavailable(*_: object, **__: object) -> None:
        raise Unavailable("Not now.")

    opened = await world.begin()
    with monkeypatch.context() as patch:
        method = {"live": "put", "identities": "custom_token"}[fault]
        patch.setattr(getattr(world, fault), method, unavailable)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await world.renew(world.renewal(opened.refresh_token, jti=f"{world.clock.now:022.0f}"))
            world.clock.now += 60
    renewed = await world.renew(world.renewal(opened.refresh_token))
    assert (renewed.session, world.store.ended) == (opened.session, set())


async def test_a_session_that_rests_for_45_days_ends(world: World) -> None:
    opened = await world.begin()
    world.clock.now += 45 * 86_400
    with pytest.raises(Unauthenticated):
        await world.renew(world.renewal(opened.refresh_token))


async def test_the_same_call_again_within_30_seconds_gets_the_same_successor(world: World) -> None:
    opened = await world.begin()
    request = world.renewal(opened.refresh_token)
    first = await world.renew(request)
    world.clock.now += 30
    again = await world.renew(request)
    assert again.refresh_token == first.refresh_token
    assert (await world.renew(world.renewal(first.refresh_token))).session == opened.session


async def test_sixteen_repeats_at_once_get_the_same_successor(world: World) -> None:
    opened = await world.begin()
    request = world.renewal(opened.refresh_token)
    answers = await asyncio.gather(*(world.renew(request) for _ in range(16)))
    assert len({answer.refresh_token for answer in answers}) == 1
    assert world.store.ended == set()
    assert world.store.sessions[opened.session].refresh_hash == digest(answers[0].refresh_token)


async def test_the_same_call_again_after_30_seconds_ends_the_session(world: World) -> None:
    opened = await world.begin()
    request = world.renewal(opened.refresh_token)
    await world.renew(request)
    world.clock.now += 30.1
    with pytest.raises(Unauthenticated, match=USED_BEFORE):
        await world.renew(request)
    await require_ended(world, opened)


async def test_another_proof_with_a_used_token_ends_the_session(world: World) -> None:
    opened = await world.begin()
    renewed = await world.renew(world.renewal(opened.refresh_token))
    with pytest.raises(Unauthenticated, match=USED_BEFORE):
        await world.renew(world.renewal(opened.refresh_token, jti="b" * 22))
    await require_ended(world, opened)
    with pytest.raises(Unauthenticated):
        await world.renew(world.renewal(renewed.refresh_token))


async def test_a_token_rotated_long_ago_ends_the_session(world: World) -> None:
    opened = await world.begin()
    token = opened.refresh_token
    for _ in range(3):
        world.clock.now += 900
        token = (await world.renew(world.renewal(token))).refresh_token
    with pytest.raises(Unauthenticated, match=USED_BEFORE):
        await world.renew(world.renewal(opened.refresh_token))
    await require_ended(world, opened)


async def test_two_different_calls_at_once_end_the_session(world: World) -> None:
    opened = await world.begin()
    requests = [world.renewal(opened.refresh_token, jti=letter * 22) for letter in "ab"]
    answers = await asyncio.gather(*(world.renew(request) for request in requests), return_exceptions=True)
    assert any(isinstance(answer, Unauthenticated) for answer in answers)
    await require_ended(world, opened)


async def test_a_stolen_token_without_the_device_changes_nothing(world: World) -> None:
    opened = await world.begin()
    for forged in (
        world.renewal(opened.refresh_token, LAPTOP),
        replace(world.renewal(opened.refresh_token), proof=world.proof("refresh_session", "another")),
        replace(
            world.renewal(opened.refresh_token), proof=world.proof("revoke_session", opened.refresh_token)
        ),
        replace(world.renewal(opened.refresh_token), proof="forged"),
    ):
        with pytest.raises(InvalidProof):
            await world.renew(forged)
    assert (await world.renew(world.renewal(opened.refresh_token))).session == opened.session


async def test_a_used_token_without_the_device_does_not_end_the_session(world: World) -> None:
    opened = await world.begin()
    renewed = await world.renew(world.renewal(opened.refresh_token))
    with pytest.raises(InvalidProof):
        await world.renew(world.renewal(opened.refresh_token, LAPTOP))
    assert (await world.renew(world.renewal(renewed.refresh_token))).session == opened.session


async def test_a_proof_outside_its_window_renews_nothing(world: World) -> None:
    opened = await world.begin()
    request = world.renewal(opened.refresh_token)
    world.clock.now += 121
    with pytest.raises(InvalidProof):
        await world.renew(request)
    assert world.store.ended == set()


async def test_an_unknown_token_is_refused(world: World) -> None:
    with pytest.raises(Unauthenticated, match=r"^The refresh token is not valid\. Sign in again\.$"):
        await world.renew(world.renewal(f"{'s' * 22}.{'a' * 43}"))


async def test_an_ended_session_is_not_renewed(world: World) -> None:
    opened = await world.begin()
    await world.admission.end(caller_of(opened), opened.session)
    with pytest.raises(Unauthenticated):
        await world.renew(world.renewal(opened.refresh_token))
    assert world.live.documents == {}


async def test_a_session_that_ends_while_it_is_renewed_stays_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await world.begin()
    rotate = world.store.rotate

    async def rotate_after_the_end(session: str, **rotation: object) -> bool:
        await world.admission.end(caller_of(opened), session)
        return await rotate(session, **rotation)  # type: ignore[arg-type]

    monkeypatch.setattr(world.store, "rotate", rotate_after_the_end)
    with pytest.raises(SealpostError):
        await world.renew(world.renewal(opened.refresh_token))
    await require_ended(world, opened)


async def test_other_sessions_go_on(world: World) -> None:
    first, second = await world.begin(), await world.begin(LAPTOP)
    await world.renew(world.renewal(first.refresh_token))
    with pytest.raises(Unauthenticated):
        await world.renew(world.renewal(first.refresh_token, jti="b" * 22))
    renewed = await world.renew(world.renewal(second.refresh_token, LAPTOP))
    assert (renewed.session, renewed.device) == (second.session, LAPTOP.kid)


async def test_a_store_keeps_the_hash_of_the_proof_not_the_proof(world: World) -> None:
    opened = await world.begin()
    request = world.renewal(opened.refresh_token)
    await world.renew(request)
    stored: StoredSession = world.store.sessions[opened.session]
    assert stored.rotation_proof == digest(request.proof)
    assert stored.device == PHONE.kid
    assert request.proof not in repr(world.store)


async def test_a_restored_session_takes_any_of_its_tokens_once(world: World) -> None:
    opened = await world.begin()
    lost = await world.renew(world.renewal(opened.refresh_token))
    newest = await world.renew(world.renewal(lost.refresh_token))
    restore(world, opened, digest(opened.refresh_token))
    renewed = await world.renew(world.renewal(newest.refresh_token))
    assert (renewed.session, renewed.restored) == (opened.session, True)
    again = await world.renew(world.renewal(renewed.refresh_token))
    with pytest.raises(Unauthenticated, match=USED_BEFORE):
        await world.renew(world.renewal(newest.refresh_token, jti="x" * 22))
    await require_ended(world, again)
    assert world.revoked.objects.keys() == {f"sessions/{opened.session}"}


async def test_a_restored_sessions_lost_answer_may_be_asked_for_again(world: World) -> None:
    opened = await world.begin()
    newest = await world.renew(world.renewal(opened.refresh_token))
    restore(world, opened, digest(opened.refresh_token))
    request = world.renewal(newest.refresh_token)
    first = await world.renew(request)
    assert (await world.renew(request)).refresh_token == first.refresh_token


async def test_a_restored_session_is_renewed_by_its_device_alone(world: World) -> None:
    opened = await world.begin()
    restore(world, opened, digest("a token of before"))
    with pytest.raises(InvalidProof):
        await world.renew(world.renewal(opened.refresh_token, LAPTOP))
    with pytest.raises(Unauthenticated):
        await world.renew(world.renewal("x" * 22 + opened.refresh_token[22:]))
    assert world.store.sessions[opened.session].restored


def restore(world: World, opened: Opened, kept: str) -> None:
    """The session comes from a backup that knows this hash of its token."""
    before = world.store.sessions[opened.session]
    world.store.sessions[opened.session] = replace(
        before, refresh_hash=kept, previous_hash=None, rotation_proof=None, rotated_at=None, restored=True
    )
    world.store.restored.add(opened.device)
