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
    await world.sessions.end(one.uid, one.session, NOW)
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
    assert await world.sessions.end(caller.uid, caller.session, NOW)
    assert await world.sessions.end(caller.uid, caller.session, NOW)
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
    assert not await world.sessions.end(other.uid, caller.session, NOW)
    assert not await world.sessions.end(caller.uid, "x" * 22, NOW)
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
