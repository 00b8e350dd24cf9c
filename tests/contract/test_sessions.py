import asyncio
import secrets
from dataclasses import replace

import pytest

from common.errors import Forbidden
from common.identity import Caller, Head
from tests.contract.world import DAY, NOW, World, caller_of, modulus_of, new_session, new_uid, thumbprint


async def test_a_new_session_stands_on_a_pending_device(world: World) -> None:
    session = new_session()
    caller = await world.join(session)
    standing = await world.sessions.standing(caller, NOW)
    assert standing is not None
    assert (standing.state, standing.head, standing.modulus) == ("pending", None, modulus_of(caller.device))
    assert standing.expires_at == pytest.approx(session.expires_at)


async def test_it_stands_for_its_own_account_and_device_alone(world: World) -> None:
    caller, other = await world.join(), await world.join()
    for stranger in (
        Caller(uid=other.uid, session=caller.session, device=caller.device),
        Caller(uid=caller.uid, session=caller.session, device=other.device),
        Caller(uid=caller.uid, session=other.session, device=caller.device),
        Caller(uid=caller.uid, session="x" * 22, device=caller.device),
    ):
        assert await world.sessions.standing(stranger, NOW) is None


async def test_it_runs_out(world: World) -> None:
    session = new_session()
    caller = await world.join(session)
    assert await world.sessions.standing(caller, session.expires_at - 1)
    assert await world.sessions.standing(caller, session.expires_at + 1) is None
    assert await world.sessions.find(session.id, session.expires_at + 1) is None


async def test_an_active_device_stands_with_its_chains_head(world: World) -> None:
    caller = await world.join()
    first, _ = await world.publish(caller)
    standing = await world.sessions.standing(caller, NOW)
    assert standing is not None
    assert standing.state == "active"
    assert standing.head == Head(uid=caller.uid, root=first.hash, seq=0, hash=first.hash)


async def test_a_person_may_have_several_sessions_on_a_device(world: World) -> None:
    session = new_session()
    one = await world.join(session)
    other = await world.join(new_session(session.uid, session.device))
    await world.sessions.end(one.uid, [one.session], NOW)
    assert await world.sessions.standing(one, NOW) is None
    assert await world.sessions.standing(other, NOW)


async def test_a_device_belongs_to_one_account(world: World) -> None:
    session = new_session()
    await world.join(session)
    thief = new_session(new_uid(), session.device)
    with pytest.raises(Forbidden):
        await world.join(thief)
    assert await world.sessions.find(thief.id, NOW) is None


async def test_a_session_is_found_by_its_id(world: World) -> None:
    session = new_session()
    await world.join(session)
    found = await world.sessions.find(session.id, NOW)
    assert found is not None
    assert replace(found[0], expires_at=session.expires_at) == session
    assert found[0].expires_at == pytest.approx(session.expires_at)
    assert found[1].modulus == modulus_of(session.device)
    assert await world.sessions.find(thumbprint()[:22], NOW) is None


async def test_rotating_remembers_the_previous_hash_and_the_proof(world: World) -> None:
    session = new_session()
    await world.join(session)
    successor, proof = thumbprint(), thumbprint()
    assert await world.sessions.rotate(
        session.id,
        presented=session.refresh_hash,
        successor=successor,
        proof=proof,
        now=NOW + 10,
        expires_at=NOW + 50 * DAY,
    )
    found = await world.sessions.find(session.id, NOW + 46 * DAY)
    assert found is not None
    stored, standing = found
    assert stored.refresh_hash == successor
    assert stored.previous_hash == session.refresh_hash
    assert stored.rotation_proof == proof
    assert stored.rotated_at == pytest.approx(NOW + 10)
    assert stored.expires_at == standing.expires_at == pytest.approx(NOW + 50 * DAY)


async def test_a_hash_is_rotated_once_however_many_try(world: World) -> None:
    session = new_session()
    await world.join(session)

    async def rotate() -> bool:
        return await world.sessions.rotate(
            session.id,
            presented=session.refresh_hash,
            successor=thumbprint(),
            proof=thumbprint(),
            now=NOW,
            expires_at=NOW + DAY,
        )

    assert sorted(await asyncio.gather(*(rotate() for _ in range(8)))) == [False] * 7 + [True]


async def test_an_ended_session_neither_stands_nor_rotates(world: World) -> None:
    session = new_session()
    caller = await world.join(session)
    for _ in range(2):
        await world.sessions.end(caller.uid, [caller.session], NOW)
        assert await world.sessions.has(caller.uid, caller.session)
    assert await world.sessions.standing(caller, NOW) is None
    assert await world.sessions.find(session.id, NOW) is None
    assert not await world.sessions.rotate(
        session.id,
        presented=session.refresh_hash,
        successor=thumbprint(),
        proof=thumbprint(),
        now=NOW,
        expires_at=NOW,
    )


async def test_nobody_ends_anothers_session(world: World) -> None:
    caller, other = await world.join(), await world.join()
    for uid, session in ((other.uid, caller.session), (caller.uid, "x" * 22)):
        assert not await world.sessions.has(uid, session)
        await world.sessions.end(uid, [session], NOW)
    assert await world.sessions.standing(caller, NOW)


async def test_a_proof_counts_once_for_each_device(world: World) -> None:
    one, other = thumbprint(), thumbprint()
    assert await world.sessions.use_proof(one, "j" * 22, expires_at=NOW + 240)
    assert not await world.sessions.use_proof(one, "j" * 22, expires_at=NOW + 240)
    assert await world.sessions.use_proof(other, "j" * 22, expires_at=NOW + 240)
    tries = await asyncio.gather(
        *(world.sessions.use_proof(one, "k" * 22, expires_at=NOW + 240) for _ in range(8))
    )
    assert sorted(tries) == [False] * 7 + [True]


async def test_a_session_may_read_until_its_document_goes(world: World) -> None:
    caller = caller_of(new_session())
    await world.live_sessions.put(caller, expires_at=NOW)
    await world.live_sessions.put(caller, expires_at=NOW + DAY)
    await world.live_sessions.delete(caller.uid, caller.session)
    await world.live_sessions.delete(caller.uid, caller.session)


async def test_an_address_keeps_its_account_whoever_asks_for_another(world: World) -> None:
    index, uid = secrets.token_bytes(32), new_uid()
    assert await world.sessions.account_of(index) is None
    assert await world.sessions.keep_account(index, uid=uid, now=NOW) == uid
    others = await asyncio.gather(
        *(world.sessions.keep_account(index, uid=new_uid(), now=NOW) for _ in range(8))
    )
    assert set(others) == {uid}
    assert await world.sessions.account_of(index) == uid


async def test_living_sessions_are_listed_newest_first(world: World) -> None:
    first = new_session()
    uid = first.uid
    await world.join(first)
    later = [replace(new_session(uid, first.device), expires_at=NOW + DAY) for _ in range(5)]
    for session in later:
        await world.sessions.open(session, modulus=modulus_of(first.device), now=NOW + 60.25)
    await world.join()
    expected = [*sorted((session.id for session in later), reverse=True), first.id]
    living = await world.sessions.living(uid, NOW + 61, after=None, most=10)
    assert [session.id for session in living] == expected
    newest = living[0]
    assert (newest.device, newest.name) == (first.device, None)
    assert newest.created_at == newest.seen_at == pytest.approx(NOW + 60.25)
    assert newest.expires_at == pytest.approx(NOW + DAY)
    for after, rest in zip(
        [None, *expected], [expected, *(expected[n + 1 :] for n in range(6))], strict=True
    ):
        page = await world.sessions.living(uid, NOW + 61, after=after, most=3)
        assert [session.id for session in page] == rest[:3]
    await world.sessions.end(uid, [expected[2]], NOW + 61)
    page = await world.sessions.living(uid, NOW + 61, after=expected[2], most=10)
    assert [session.id for session in page] == expected[3:]
    other = await world.join()
    elsewhere = new_session(other.uid, other.device)
    await world.sessions.open(elsewhere, modulus=modulus_of(other.device), now=NOW + 70)
    for foreign in ("x" * 22, elsewhere.id):
        assert await world.sessions.living(uid, NOW + 61, after=foreign, most=10) == []
    late = await world.sessions.living(uid, NOW + 2 * DAY, after=None, most=10)
    assert [session.id for session in late] == [first.id]


async def test_a_session_was_seen_when_it_was_renewed(world: World) -> None:
    session = new_session()
    await world.join(session)
    hashes = {"presented": session.refresh_hash, "successor": thumbprint(), "proof": thumbprint()}
    assert await world.sessions.rotate(session.id, **hashes, now=NOW + DAY, expires_at=NOW + 46 * DAY)
    assert not await world.sessions.rotate(session.id, **hashes, now=NOW + 2 * DAY, expires_at=NOW + 47 * DAY)
    (listed,) = await world.sessions.living(session.uid, NOW + DAY, after=None, most=2)
    assert [listed.created_at, listed.seen_at] == pytest.approx([NOW, NOW + DAY])
    assert listed.expires_at == pytest.approx(NOW + 46 * DAY)


async def test_a_living_session_is_named(world: World) -> None:
    caller, other = await world.join(), await world.join()
    for name in ("Phone \N{SNOWMAN}", "\N{SNOWMAN}" * 64, None):
        assert await world.sessions.name(caller.uid, caller.session, name, NOW)
        (listed,) = await world.sessions.living(caller.uid, NOW, after=None, most=2)
        assert listed.name == name
    assert not await world.sessions.name(other.uid, caller.session, "x", NOW)
    assert not await world.sessions.name(caller.uid, "x" * 22, "x", NOW)
    assert not await world.sessions.name(caller.uid, caller.session, "x", NOW + 46 * DAY)
    await world.sessions.end(caller.uid, [caller.session], NOW)
    assert not await world.sessions.name(caller.uid, caller.session, "x", NOW)


async def test_several_sessions_of_one_account_end_at_once(world: World) -> None:
    session = new_session()
    one, other = await world.join(session), await world.join()
    callers = [await world.join(new_session(session.uid, session.device)) for _ in range(2)]
    await world.sessions.end(one.uid, [callers[0].session], NOW)
    ids = [caller.session for caller in callers]
    for _ in range(2):
        await world.sessions.end(one.uid, [*ids, other.session, "x" * 22], NOW + 1)
    assert [await world.sessions.standing(caller, NOW) is None for caller in callers] == [True, True]
    assert await world.sessions.standing(one, NOW)
    assert await world.sessions.standing(other, NOW)
    await world.sessions.end(one.uid, [], NOW)


async def test_several_documents_go_at_once(world: World) -> None:
    caller = caller_of(new_session())
    for session in ("a" * 22, "b" * 22):
        await world.live_sessions.put(replace(caller, session=session), expires_at=NOW)
    await world.live_sessions.delete(caller.uid, "a" * 22, "b" * 22, "c" * 22)


async def test_a_session_stands_without_a_reset(world: World) -> None:
    caller = await world.join()
    assert await world.sessions.standing_with_reset(caller, NOW) == await world.sessions.standing(caller, NOW)
    assert await world.sessions.standing_with_reset(replace(caller, session="x" * 22), NOW) is None
