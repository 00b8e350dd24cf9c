import asyncio
from dataclasses import replace

import pytest

from common.conversations.model import Started
from common.conversations.statements import self_id
from common.directory.model import ConversationQuery
from common.errors import InvalidRequest, NotFound
from common.identity import Caller
from tests.contract.world import NOW, World, creation, thumbprint


async def published(world: World) -> tuple[Caller, tuple[int, str]]:
    caller = await world.join()
    first, _ = await world.publish(caller)
    return caller, (0, first.hash)


async def test_the_first_statement_stands(world: World) -> None:
    (one, head_of_one), (other, head_of_other) = await published(world), await published(world)
    made, late = creation(one, other, head_of_one), creation(other, one, head_of_other)
    assert made.id == late.id
    assert await world.conversations.create(made, one.uid, NOW) == Started(
        id=made.id, statements=(made.compact,), created=True
    )
    for again in (made, late):
        expected = Started(id=made.id, statements=(made.compact,), created=False)
        assert await world.conversations.create(again, again.creator, NOW) == expected


async def test_of_two_at_once_one_creates_and_both_agree(world: World) -> None:
    (one, head_of_one), (other, head_of_other) = await published(world), await published(world)
    attempts = [creation(one, other, head_of_one), creation(other, one, head_of_other)] * 3
    started = await asyncio.gather(
        *(world.conversations.create(attempt, attempt.creator, NOW) for attempt in attempts)
    )
    assert sum(each.created for each in started) == 1
    assert len({each.statements for each in started}) == 1


async def test_the_head_must_be_of_the_creators_chain(world: World) -> None:
    (one, _), (other, head_of_other) = await published(world), await published(world)
    for head in ((0, thumbprint()), (1, head_of_other[1]), head_of_other):
        with pytest.raises(InvalidRequest):
            await world.conversations.create(creation(one, other, head), one.uid, NOW)


async def test_the_other_side_must_have_published(world: World) -> None:
    one, head = await published(world)
    with pytest.raises(NotFound):
        await world.conversations.create(creation(one, await world.join(), head), one.uid, NOW)


async def test_a_conversation_with_oneself_is_created_once(world: World) -> None:
    one, head = await published(world)
    made, again = creation(one, one, head), creation(one, one, head)
    assert (made.id, made.members) == (self_id(one.uid), (one.uid,))
    expected = Started(id=made.id, statements=(made.compact,), created=True)
    assert await world.conversations.create(made, one.uid, NOW) == expected
    for late in (made, again):
        assert await world.conversations.create(late, one.uid, NOW) == replace(expected, created=False)


async def test_members_alone_find_its_statements(world: World) -> None:
    (one, head), (other, _), (stranger, _) = (
        await published(world),
        await published(world),
        await published(world),
    )
    made = await world.talk(one, other, head)
    queries = [ConversationQuery(id=thumbprint(), known_seq=-1), ConversationQuery(id=made.id, known_seq=-1)]
    for member in (one, other):
        found = await world.directory.find([], queries, caller=member, now=NOW)
        assert found.conversations == (None, (made.compact,))
    assert (await world.directory.find([], queries, caller=stranger, now=NOW)).conversations == (None, None)
    known = await world.directory.find([], [ConversationQuery(id=made.id, known_seq=0)], caller=one, now=NOW)
    assert known.conversations == ((),)


async def test_the_time_of_the_last_message_only_rises(world: World) -> None:
    live, cid = world.live_conversations, thumbprint()
    assert not await live.touch(cid, 5)
    await live.put(cid, "direct", ["a", "b"])
    for at in (7_000_000_000_000, 3, 7_000_000_000_001):
        assert await live.touch(cid, at)
    await live.put(cid, "direct", ["a", "b"])
