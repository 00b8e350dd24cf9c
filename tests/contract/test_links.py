import asyncio
from dataclasses import replace

import pytest

from common.errors import (
    ChainConflict,
    DeviceNotActive,
    InvalidRequest,
    KeyConflict,
    LinkPending,
    NotFound,
    ResetDelayed,
)
from common.identity import Head
from common.keys.model import Joining, Published
from tests.contract.test_chains import account, fresh, head_of, keys_of, removal, reset
from tests.contract.world import (
    DAY,
    NOW,
    World,
    addition,
    asked,
    encryption_key,
    new_session,
    thumbprint,
)
from tests.contract.world import link as linked

UNTIL = int(NOW) + 600


async def test_a_device_is_linked(world: World) -> None:
    (phone,), head = await account(world)
    laptop = await world.join(new_session(phone.uid))
    assert await world.links.joining(laptop, NOW) == Joining(state="gone")
    link, pop, key = asked(laptop, head)
    assert await world.links.request(laptop, link, pop, key, NOW) == UNTIL
    assert await world.links.joining(laptop, NOW) == Joining(state="waiting")
    assert await world.links.waiting(phone.uid, NOW) == link
    assert await world.links.waiting(phone.uid, UNTIL) is None
    statement, mac = addition(phone, pop, head), thumbprint()
    granted = await world.links.grant(phone, statement, mac, NOW, until=UNTIL)
    assert granted == Head(uid=phone.uid, root=head.root, seq=1, hash=statement.hash)
    assert await world.links.waiting(phone.uid, NOW) is None
    assert await keys_of(world, laptop) == 2
    joining = await world.links.joining(laptop, NOW)
    assert joining is not None
    assert (joining.state, joining.mac, joining.head) == ("granted", mac, granted)
    assert joining.statements[-1] == statement.compact
    assert len(joining.statements) == 2
    assert await world.links.joining(laptop, UNTIL) == Joining(state="gone")
    assert await world.links.joining(replace(laptop, session="x" * 22), NOW) is None
    standing = await world.sessions.standing(laptop, NOW)
    assert standing is not None
    assert standing.state == "active"
    assert await world.chains.publish(laptop, None, key, NOW) == Published(head=granted, state="active")
    await world.sessions.end(laptop.uid, [laptop.session], NOW)
    assert await world.links.joining(laptop, NOW) is None


async def test_a_grant_again_is_answered_alike(world: World) -> None:
    (phone,), head = await account(world)
    laptop = await world.join(new_session(phone.uid))
    link, pop, key = asked(laptop, head)
    await world.links.request(laptop, link, pop, key, NOW)
    statement, mac = addition(phone, pop, head), thumbprint()
    first = await world.links.grant(phone, statement, mac, NOW, until=UNTIL)
    assert await world.links.grant(phone, statement, thumbprint(), NOW + DAY, until=UNTIL) == first
    joining = await world.links.joining(laptop, NOW)
    assert joining is not None
    assert joining.mac == mac


async def test_one_device_asks_at_a_time(world: World) -> None:
    (phone,), head = await account(world)
    laptop, tablet = await world.join(new_session(phone.uid)), await world.join(new_session(phone.uid))
    link, pop, key = asked(laptop, head)
    assert await world.links.request(laptop, link, pop, key, NOW) == UNTIL
    later = replace(link, expires_at=UNTIL + 5)
    assert await world.links.request(laptop, later, pop, key, NOW + 5) == UNTIL
    assert await world.links.request(laptop, replace(later, mac=thumbprint()), pop, key, NOW + 5) == UNTIL + 5
    theirs = asked(tablet, head)
    with pytest.raises(LinkPending) as caught:
        await world.links.request(tablet, *theirs, NOW + 5)
    assert caught.value.members == {"expires_at": UNTIL + 5}
    link, pop, key = theirs
    assert await world.links.request(tablet, replace(link, expires_at=UNTIL + 700), pop, key, UNTIL + 5)


async def test_a_grant_is_kept_while_the_next_device_asks_and_is_granted(world: World) -> None:
    (phone,), head = await account(world)
    laptop, tablet = await world.join(new_session(phone.uid)), await world.join(new_session(phone.uid))
    for device in (laptop, tablet):
        link, pop, key = asked(device, head)
        await world.links.request(device, link, pop, key, NOW)
        assert await world.links.waiting(phone.uid, NOW) == link
        mac = link.mac
        head = await world.links.grant(phone, addition(phone, pop, head), mac, NOW, until=UNTIL)
    first, second = await world.links.joining(laptop, NOW), await world.links.joining(tablet, NOW)
    assert first
    assert second
    assert (first.state, second.state) == ("granted", "granted")
    assert first.mac != second.mac == mac
    assert await world.links.waiting(phone.uid, NOW) is None


async def test_a_request_ends_with_the_sessions_of_its_device(world: World) -> None:
    (phone,), head = await account(world)
    laptop, tablet = await world.join(new_session(phone.uid)), await world.join(new_session(phone.uid))
    again = await world.join(new_session(laptop.uid, laptop.device))
    link, pop, key = asked(laptop, head)
    await world.links.request(laptop, link, pop, key, NOW)
    await world.sessions.end(phone.uid, [laptop.session], NOW)
    assert await world.links.waiting(phone.uid, NOW) == link
    await world.sessions.end(phone.uid, [again.session], NOW)
    assert await world.links.waiting(phone.uid, NOW) is None
    with pytest.raises(NotFound):
        await world.links.grant(phone, addition(phone, pop, head), thumbprint(), NOW, until=UNTIL)
    assert await world.links.request(tablet, *asked(tablet, head), NOW) == UNTIL


async def test_who_may_not_ask(world: World) -> None:
    alone = await world.join()
    other = Head(uid=alone.uid, root=thumbprint(), seq=0, hash=thumbprint())
    with pytest.raises(InvalidRequest):
        await world.links.request(alone, *asked(alone, other), NOW)
    (phone, laptop), head = await account(world, 2)
    with pytest.raises(InvalidRequest):
        await world.links.request(phone, *asked(phone, head), NOW)
    published = await world.chains.publish(phone, removal(phone, laptop, head), None, NOW)
    with pytest.raises(DeviceNotActive):
        await world.links.request(laptop, *asked(laptop, published.head), UNTIL)
    tablet = await world.join(new_session(phone.uid))
    with pytest.raises(InvalidRequest):
        await world.links.request(tablet, *asked(tablet, replace(head, root=thumbprint())), UNTIL)
    link, pop, key = asked(tablet, head)
    taken = encryption_key(phone, 2)
    await world.chains.publish(phone, None, taken, NOW)
    with pytest.raises(KeyConflict):
        await world.links.request(tablet, link, pop, replace(key, kid=taken.kid), UNTIL)


async def test_nothing_is_granted_that_was_not_asked_for(world: World) -> None:
    (phone,), head = await account(world)
    laptop = await world.join(new_session(phone.uid))
    link, pop, key = asked(laptop, head)
    statement = addition(phone, pop, head)
    with pytest.raises(NotFound):
        await world.links.grant(phone, statement, thumbprint(), NOW, until=UNTIL)
    await world.links.request(laptop, link, pop, key, NOW)
    late = replace(statement, issued_at=UNTIL)
    with pytest.raises(NotFound):
        await world.links.grant(phone, late, thumbprint(), UNTIL, until=UNTIL + 600)
    stranger = await world.join()
    for other in (replace(pop, compact="another pop"), replace(pop, device=stranger.device)):
        with pytest.raises(InvalidRequest):
            await world.links.grant(phone, replace(statement, pop=other), thumbprint(), NOW, until=UNTIL)
    assert await head_of(world, phone) == head


async def test_ten_devices_are_an_account(world: World) -> None:
    callers, head = await account(world, 10)
    eleventh = await world.join(new_session(head.uid))
    link, pop, key = asked(eleventh, head)
    await world.links.request(eleventh, replace(link, expires_at=UNTIL + 700), pop, key, NOW + 700)
    phone = callers[0]
    with pytest.raises(InvalidRequest, match="at most 10 devices"):
        await world.links.grant(phone, addition(phone, pop, head), thumbprint(), NOW, until=UNTIL)
    head = (await world.chains.publish(phone, removal(phone, callers[1], head), None, NOW)).head
    await world.links.grant(phone, addition(phone, pop, head), thumbprint(), NOW, until=UNTIL)


async def test_a_reset_ends_a_request(world: World) -> None:
    (phone,), head = await account(world)
    now = NOW + 7 * DAY
    laptop = await world.join(new_session(phone.uid), now=now)
    tablet = await world.join(new_session(phone.uid), now=now)
    link, pop, key = asked(laptop, head)
    await world.links.request(laptop, replace(link, expires_at=int(now) + 600), pop, key, now)
    act = replace(reset(tablet, head), issued_at=int(now))
    await world.chains.publish(tablet, act, fresh(tablet, now), now)
    assert await world.links.waiting(phone.uid, now) is None


@pytest.mark.parametrize("own", [True, False])
async def test_a_grant_ends_the_wish_of_its_device_alone(world: World, own: bool) -> None:  # noqa: FBT001
    (phone,), head = await account(world)
    tablet, laptop = await world.join(new_session(phone.uid)), await world.join(new_session(phone.uid))
    wisher = tablet if own else laptop
    with pytest.raises(ResetDelayed):
        await world.chains.ending(wisher, reset(wisher, head), NOW)
    head = await linked(world, phone, tablet, head)
    third = await world.join(new_session(phone.uid), now=NOW + 100)
    with pytest.raises(ResetDelayed) as caught:
        await world.chains.ending(third, reset(third, head), NOW + 100)
    assert caught.value.members == {"due_at": int(NOW) + DAY + (100 if own else 0)}


async def test_two_devices_ask_at_once_and_one_waits(world: World) -> None:
    (phone,), head = await account(world)
    callers = [await world.join(new_session(phone.uid)) for _ in range(3)]
    results = await asyncio.gather(
        *(world.links.request(caller, *asked(caller, head), NOW) for caller in callers),
        return_exceptions=True,
    )
    assert sum(result == UNTIL for result in results) == 1
    assert sum(isinstance(result, LinkPending) for result in results) == 2


async def test_two_devices_grant_at_once_and_one_device_joins(world: World) -> None:
    (phone, laptop), head = await account(world, 2)
    tablet = await world.join(new_session(phone.uid))
    link, pop, key = asked(tablet, head)
    await world.links.request(tablet, replace(link, expires_at=UNTIL + 700), pop, key, UNTIL)
    results = await asyncio.gather(
        *(
            world.links.grant(caller, addition(caller, pop, head), thumbprint(), NOW, until=UNTIL + 700)
            for caller in (phone, laptop)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Head) for result in results) == 1
    (lost,) = (result for result in results if isinstance(result, ChainConflict))
    assert lost.members["head"] == (await head_of(world, phone)).json()
    assert await keys_of(world, phone) == 3


@pytest.mark.parametrize("attempt", range(3))
async def test_an_approval_and_the_removal_of_the_approver_cross(world: World, attempt: int) -> None:
    (phone, laptop), head = await account(world, 2)
    tablet = await world.join(new_session(phone.uid))
    link, pop, key = asked(tablet, head)
    await world.links.request(tablet, replace(link, expires_at=UNTIL + 700), pop, key, UNTIL)
    granted, removed = await asyncio.gather(
        world.links.grant(laptop, addition(laptop, pop, head), thumbprint(), NOW, until=UNTIL + 700),
        world.chains.publish(phone, removal(phone, laptop, head), None, NOW),
        return_exceptions=True,
    )
    now_head = await head_of(world, phone)
    assert now_head.seq == head.seq + 1
    if isinstance(granted, Head):
        assert isinstance(removed, ChainConflict)
        assert await keys_of(world, phone) == 3
        await world.chains.publish(phone, removal(phone, laptop, granted), None, NOW)
        assert await keys_of(world, phone) == 2
        return
    assert isinstance(granted, DeviceNotActive | ChainConflict)
    assert isinstance(removed, Published)
    await world.links.grant(phone, addition(phone, pop, removed.head), thumbprint(), NOW, until=UNTIL + 700)
    assert await keys_of(world, phone) == 2
