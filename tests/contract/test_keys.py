import asyncio
from dataclasses import replace

import pytest

from common.directory.model import FoundAccount, Wanted
from common.errors import ChainConflict, DeviceNotActive, KeyConflict
from common.identity import Caller, Head
from common.keys.model import Published
from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.pool import Pool
from tests.contract.world import (
    DAY,
    NOW,
    RealWorld,
    World,
    encryption_key,
    first_device,
    new_uid,
    thumbprint,
)


async def find(world: World, wanted: Wanted, *, caller: Caller, now: float = NOW) -> FoundAccount | None:
    return (await world.directory.find([wanted], [], caller=caller, now=now)).accounts[0]


def by_uid(uid: str, known_seq: int = -1) -> Wanted:
    return Wanted(index=None, uid=uid, known_seq=known_seq)


async def test_what_is_published_is_found(world: World) -> None:
    index = thumbprint()[:32].encode()
    caller, reader = await world.join(index=index), await world.join()
    first, key = await world.publish(caller)
    expected = FoundAccount(
        head=Head(uid=caller.uid, root=first.hash, seq=0, hash=first.hash),
        statements=(first.compact,),
        encryption_keys=(key.compact,),
    )
    assert await find(world, by_uid(caller.uid), caller=reader) == expected
    assert await find(world, Wanted(index=index, uid=None, known_seq=-1), caller=reader) == expected
    assert await find(world, by_uid(caller.uid, 0), caller=reader) == replace(expected, statements=())


async def test_answers_come_in_the_order_of_the_queries(world: World) -> None:
    one, other, silent = await world.join(), await world.join(), await world.join()
    await world.publish(one)
    await world.publish(other)
    wanted = [by_uid(uid) for uid in (other.uid, new_uid(), one.uid, silent.uid, other.uid)]
    found = await world.directory.find(wanted, [], caller=silent, now=NOW)
    assert [account and account.head.uid for account in found.accounts] == [
        other.uid,
        None,
        one.uid,
        None,
        other.uid,
    ]


async def test_nothing_asked_nothing_answered(world: World) -> None:
    found = await world.directory.find([], [], caller=await world.join(), now=NOW)
    assert (found.accounts, found.conversations) == ((), ())


async def test_an_expired_key_is_not_offered(world: World) -> None:
    caller = await world.join()
    await world.publish(caller)
    found = await find(world, by_uid(caller.uid), caller=caller, now=NOW + 31 * DAY)
    assert found is not None
    assert found.encryption_keys == ()


async def test_publishing_the_same_again_is_answered_alike(world: World) -> None:
    caller = await world.join()
    first, key = await world.publish(caller)
    head = Head(uid=caller.uid, root=first.hash, seq=0, hash=first.hash)
    assert await world.chains.publish(caller, first, key, NOW) == Published(head=head, state="active")
    assert await world.chains.publish(caller, None, key, NOW) == Published(head=head, state="active")


async def test_a_chain_begins_once(world: World) -> None:
    caller = await world.join()
    first, _ = await world.publish(caller)
    with pytest.raises(ChainConflict) as conflict:
        await world.chains.publish(caller, first_device(caller), encryption_key(caller), NOW)
    assert conflict.value.members["head"]["hash"] == first.hash


async def test_two_calls_at_once_begin_it_once(world: World) -> None:
    caller = await world.join()
    attempts = [(first_device(caller), encryption_key(caller)) for _ in range(4)]
    results = await asyncio.gather(
        *(world.chains.publish(caller, first, key, NOW) for first, key in attempts),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Published) for result in results) == 1
    assert sum(isinstance(result, ChainConflict) for result in results) == 3


async def test_a_pending_device_publishes_no_key(world: World) -> None:
    caller = await world.join()
    with pytest.raises(DeviceNotActive):
        await world.chains.publish(caller, None, encryption_key(caller), NOW)


async def test_a_device_that_never_signed_in_begins_no_chain(pool: Pool, firestore: FirestoreClient) -> None:
    world = RealWorld(pool, firestore)
    caller = await world.join()
    stranger = replace(caller, device=thumbprint())
    with pytest.raises(DeviceNotActive):
        await world.publish(stranger)
    assert await find(world, by_uid(caller.uid), caller=caller) is None


async def test_a_new_key_supersedes_the_one_before(world: World) -> None:
    caller = await world.join()
    await world.publish(caller)
    second = encryption_key(caller, 2)
    await world.chains.publish(caller, None, second, NOW)
    found = await find(world, by_uid(caller.uid), caller=caller)
    assert found is not None
    assert found.encryption_keys == (second.compact,)


@pytest.mark.parametrize("n", [1, 3])
async def test_numbers_rise_by_one(world: World, n: int) -> None:
    caller = await world.join()
    _, key = await world.publish(caller)
    with pytest.raises(KeyConflict) as conflict:
        await world.chains.publish(caller, None, encryption_key(caller, n), NOW)
    assert conflict.value.members == {"n": 1}
    found = await find(world, by_uid(caller.uid), caller=caller)
    assert found is not None
    assert found.encryption_keys == (key.compact,)


async def test_a_kid_is_taken_once_in_the_service(world: World) -> None:
    caller, other = await world.join(), await world.join()
    _, key = await world.publish(caller)
    stolen = replace(encryption_key(other), kid=key.kid)
    with pytest.raises(KeyConflict):
        await world.chains.publish(other, first_device(other), stolen, NOW)
    assert await find(world, by_uid(other.uid), caller=caller) is None


async def test_two_calls_at_once_add_one_key(world: World) -> None:
    caller = await world.join()
    await world.publish(caller)
    results = await asyncio.gather(
        *(world.chains.publish(caller, None, encryption_key(caller, 2), NOW) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Published) for result in results) == 1
    assert sum(isinstance(result, KeyConflict) for result in results) == 3
