from collections.abc import Sequence

import pytest

from common.errors import DeviceNotActive, Forbidden, NotFound, Unauthenticated, Unavailable
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
        await world.admission.end(caller, caller.session)
        await put(caller, expires_at=expires_at)

    monkeypatch.setattr(world.live, "put", end_then_put)
    with pytest.raises(Unauthenticated):
        await world.admission.admit(caller)
    assert world.live.documents == {}


async def test_a_session_begun_while_its_device_was_removed_leaves_no_document(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = caller_of(await world.begin())
    put = world.live.put

    async def remove_then_put(caller: Caller, *, expires_at: float) -> None:
        uid, modulus, _ = world.store.devices[PHONE.kid]
        world.store.devices[PHONE.kid] = (uid, modulus, "revoked")
        await put(caller, expires_at=expires_at)

    monkeypatch.setattr(world.live, "put", remove_then_put)
    assert (await world.admission.admit(caller)).state == "revoked"
    assert world.live.documents == {}


async def test_a_session_that_has_ended_is_not_admitted(world: World) -> None:
    caller = caller_of(await world.begin())
    await world.admission.end(caller, caller.session)
    with pytest.raises(Unauthenticated) as refused:
        await world.admission.admit(caller)
    assert refused.value.detail == "This session has ended. Sign in again."
    assert world.live.documents == {}


async def test_the_document_goes_before_the_row_and_once_more_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = caller_of(await world.begin())
    calls = watched(world, monkeypatch)
    await world.admission.end(caller, caller.session)
    assert calls == [(call, caller.session) for call in ("note", "delete", "end", "delete")]


async def test_a_session_that_cannot_be_noted_does_not_end(world: World) -> None:
    phone, laptop = await world.begin(), await world.begin(LAPTOP)
    for opened in (phone, laptop):
        await world.admission.admit(caller_of(opened))
    world.revoked.broken = True
    for ending in (
        world.admission.end(caller_of(phone), laptop.session),
        world.admission.end_all(caller_of(phone)),
    ):
        with pytest.raises(Unavailable):
            await ending
    assert (world.store.ended, len(world.live.documents)) == (set(), 2)
    world.revoked.broken = False
    await world.admission.end_all(caller_of(phone))
    assert world.store.ended == {phone.session, laptop.session}
    assert world.revoked.objects.keys() == {f"sessions/{session}" for session in world.store.ended}
    assert set(world.revoked.objects.values()) == {b'{"at": "2027-01-15T08:00:00Z"}'}


async def test_a_misused_session_ends_at_once_and_is_noted_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = caller_of(await world.begin())
    calls = watched(world, monkeypatch)
    await world.admission.end_misused(caller)
    assert calls == [(call, caller.session) for call in ("delete", "end", "delete", "note")]


async def test_an_end_may_be_repeated(world: World) -> None:
    opened = await world.begin()
    await world.admission.admit(caller_of(opened))
    for _ in range(2):
        await world.admission.end(caller_of(opened), opened.session)
        assert world.live.documents == {}


async def test_one_session_ends_another_of_its_account_and_not_itself(world: World) -> None:
    phone, laptop = await world.begin(), await world.begin(LAPTOP)
    for opened in (phone, laptop):
        await world.admission.admit(caller_of(opened))
    await world.admission.end(caller_of(phone), laptop.session)
    assert world.live.documents.keys() == {("alice1", phone.session)}
    await world.gate.require_active(caller_of(phone))
    with pytest.raises(Unauthenticated):
        await world.gate.require_active(caller_of(laptop))


async def test_nobody_ends_a_session_of_another_account(world: World) -> None:
    opened = await world.begin()
    await world.admission.admit(caller_of(opened))
    for stranger in (
        Caller(uid="bob1", session="s" * 22, device=LAPTOP.kid),
        Caller(uid="bob1", session=opened.session, device=LAPTOP.kid),
    ):
        with pytest.raises(Forbidden if stranger.session == "s" * 22 else NotFound):
            await world.admission.end(stranger, opened.session)
    assert world.live.documents.keys() == {("alice1", opened.session)}


async def test_an_unknown_session_is_not_found(world: World) -> None:
    caller = caller_of(await world.begin())
    with pytest.raises(NotFound, match=r"^This account has no such session\.$"):
        await world.admission.end(caller, "x" * 22)


async def test_a_pending_device_ends_its_own_session_alone(world: World) -> None:
    phone = await world.begin()
    await world.admission.admit(caller_of(phone))
    laptop = await world.begin(LAPTOP, active=False)
    with pytest.raises(DeviceNotActive) as refused:
        await world.admission.end(caller_of(laptop), phone.session)
    assert refused.value.detail == "A device that is not active may end its own session alone."
    await world.gate.require_active(caller_of(phone))
    await world.admission.end(caller_of(laptop), laptop.session)
    assert laptop.session in world.store.ended


async def test_an_end_that_fails_halfway_can_be_made_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = caller_of(await world.begin())
    await world.admission.admit(caller)

    async def fail(_uid: str, *_sessions: str) -> None:
        raise Unavailable("Firestore is away.")

    with monkeypatch.context() as away:
        away.setattr(world.live, "delete", fail)
        with pytest.raises(Unavailable):
            await world.admission.end(caller, caller.session)
    await world.gate.require_active(caller)
    await world.admission.end(caller, caller.session)
    assert world.live.documents == {}


async def test_what_a_fault_leaves_behind_reads_for_two_hours_at_most(world: World) -> None:
    caller = caller_of(await world.begin())
    await world.admission.admit(caller)
    assert world.live.documents["alice1", caller.session] == world.clock.now + 7_800
    world.clock.now = world.store.sessions[caller.session].expires_at - 60
    await world.admission.admit(caller)
    assert world.live.documents["alice1", caller.session] == world.clock.now + 60


async def test_all_sessions_end_the_callers_own_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    phone, laptop = await world.begin(), await world.begin(LAPTOP)
    third = await world.begin()
    other = Caller(uid="bob1", session="b" * 22, device="d")
    for caller in (caller_of(phone), caller_of(laptop), caller_of(third)):
        await world.admission.admit(caller)
    await world.live.put(other, expires_at=world.clock.now)
    calls = watched(world, monkeypatch)
    await world.admission.end_all(caller_of(phone))
    others = sorted((laptop.session, third.session))
    steps = ("delete", "end", "delete")
    assert sorted(calls[:2]) == [("note", session) for session in others]
    assert calls[2:] == [
        *((step, *others) for step in steps),
        *((step, phone.session) for step in ("note", *steps)),
    ]
    assert world.live.documents.keys() == {("bob1", other.session)}


async def test_ending_all_may_be_repeated_until_it_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, laptop = await world.begin(), await world.begin(LAPTOP)
    for opened in (phone, laptop):
        await world.admission.admit(caller_of(opened))
    for failing in ("delete", "end"):

        async def fail(*_: object) -> None:
            raise Unavailable("Away.")

        with monkeypatch.context() as away:
            away.setattr(world.live if failing == "delete" else world.store, failing, fail)
            with pytest.raises(Unavailable):
                await world.admission.end_all(caller_of(phone))
        await world.gate.require_active(caller_of(phone))
    await world.admission.end_all(caller_of(phone))
    assert world.store.ended == {phone.session, laptop.session}
    assert world.live.documents == {}


async def test_a_session_begun_meanwhile_ends_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = await world.begin()
    await world.begin(LAPTOP)
    end = world.store.end

    async def begin_then_end(uid: str, sessions: list[str], now: float) -> None:
        monkeypatch.undo()
        await world.begin(LAPTOP)
        await end(uid, sessions, now)

    monkeypatch.setattr(world.store, "end", begin_then_end)
    await world.admission.end_all(caller_of(phone))
    assert world.store.ended == world.store.sessions.keys()
    assert len(world.store.ended) == 3


def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What is done from here on to which sessions, in order."""
    calls: list[tuple[str, ...]] = []
    note, delete, end = world.revoked.add, world.live.delete, world.store.end

    async def seen_note(name: str, content: bytes) -> None:
        calls.append(("note", name.removeprefix("sessions/")))
        await note(name, content)

    async def seen_delete(uid: str, *sessions: str) -> None:
        calls.append(("delete", *sorted(sessions)))
        await delete(uid, *sessions)

    async def seen_end(uid: str, sessions: Sequence[str], now: float) -> None:
        calls.append(("end", *sorted(sessions)))
        await end(uid, sessions, now)

    monkeypatch.setattr(world.revoked, "add", seen_note)
    monkeypatch.setattr(world.live, "delete", seen_delete)
    monkeypatch.setattr(world.store, "end", seen_end)
    return calls
