import pytest

from common.errors import NotFound, Unauthenticated
from common.identity import Caller
from tests.unit.sessions.world import LAPTOP, PHONE, World, caller_of


async def test_a_session_reads_once_its_device_is_active(world: World) -> None:
    caller = caller_of(await world.begin(active=False))
    assert (await world.admission.admit(caller)).state == "pending"
    assert world.live.documents == {}
    world.activate()
    for _ in range(2):
        assert (await world.admission.admit(caller)).state == "active"
    assert world.live.documents.keys() == {("alice1", caller.session)}


async def test_a_revoked_device_reads_nothing(world: World) -> None:
    caller = caller_of(await world.begin())
    uid, modulus, _ = world.store.devices[PHONE.kid]
    world.store.devices[PHONE.kid] = (uid, modulus, "revoked")
    assert (await world.admission.admit(caller)).state == "revoked"
    assert world.live.documents == {}


async def test_a_session_ended_while_its_document_is_written_leaves_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = caller_of(await world.begin())
    put = world.live.put

    async def end_then_put(caller: Caller, *, expires_at: float) -> None:
        await world.admission.end(caller.uid, caller.session)
        await put(caller, expires_at=expires_at)

    monkeypatch.setattr(world.live, "put", end_then_put)
    with pytest.raises(Unauthenticated):
        await world.admission.admit(caller)
    assert world.live.documents == {}


async def test_a_session_that_has_ended_is_not_admitted(world: World) -> None:
    caller = caller_of(await world.begin())
    await world.admission.end(caller.uid, caller.session)
    with pytest.raises(Unauthenticated):
        await world.admission.admit(caller)
    assert world.live.documents == {}


async def test_an_end_may_be_repeated(world: World) -> None:
    opened = await world.begin()
    await world.admission.admit(caller_of(opened))
    for _ in range(2):
        await world.admission.end(opened.uid, opened.session)
        assert world.live.documents == {}


async def test_one_session_ends_another_of_its_account_and_not_itself(world: World) -> None:
    phone, laptop = await world.begin(), await world.begin(LAPTOP)
    for opened in (phone, laptop):
        await world.admission.admit(caller_of(opened))
    await world.admission.end(phone.uid, laptop.session)
    assert world.live.documents.keys() == {("alice1", phone.session)}
    await world.gate.require_active(caller_of(phone))
    with pytest.raises(Unauthenticated):
        await world.gate.require_active(caller_of(laptop))


async def test_nobody_ends_a_session_of_another_account(world: World) -> None:
    opened = await world.begin()
    await world.admission.admit(caller_of(opened))
    stranger = Caller(uid="bob1", session="s" * 22, device=LAPTOP.kid)
    with pytest.raises(NotFound):
        await world.admission.end(stranger.uid, opened.session)
    assert world.live.documents.keys() == {("alice1", opened.session)}


async def test_an_unknown_session_is_not_found(world: World) -> None:
    caller = caller_of(await world.begin())
    with pytest.raises(NotFound):
        await world.admission.end(caller.uid, "x" * 22)
