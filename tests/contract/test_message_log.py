import asyncio
import re
import secrets
from dataclasses import replace

from common.messages.model import Message
from tests.contract.world import DAY, NOW, World, new_uid, thumbprint

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def message() -> Message:
    uid = new_uid()
    return Message(
        id=f"01890000-0000-7000-8000-{secrets.token_hex(6)}",
        conversation=thumbprint(),
        members=(uid, new_uid()),
        sender_uid=uid,
        sender_device=thumbprint(),
        expires_at=NOW + 90 * DAY,
        envelope='{"iv":"--AQ"}',
    )


async def test_a_message_is_stored_once_and_answered_alike(world: World) -> None:
    sent = message()
    stored = await world.log.append(sent)
    assert (stored.sender_uid, stored.sender_device, stored.envelope) == (
        sent.sender_uid,
        sent.sender_device,
        sent.envelope,
    )
    assert RFC3339.fullmatch(stored.sent_at)
    assert await world.log.append(sent) == stored
    assert await world.log.find(sent.conversation, sent.id) == stored


async def test_other_bytes_under_its_id_do_not_replace_it(world: World) -> None:
    sent = message()
    stored = await world.log.append(sent)
    assert await world.log.append(replace(sent, envelope="{}", sender_device=thumbprint())) == stored


async def test_of_many_at_once_one_is_stored(world: World) -> None:
    sent = message()
    stored = await asyncio.gather(
        *(world.log.append(replace(sent, envelope=f'{{"n":{n}}}')) for n in range(8))
    )
    assert len(set(stored)) == 1


async def test_the_same_id_may_stand_in_another_conversation(world: World) -> None:
    sent = message()
    await world.log.append(sent)
    other = replace(sent, conversation=thumbprint(), envelope="[]")
    assert (await world.log.append(other)).envelope == "[]"


async def test_times_rise(world: World) -> None:
    times = [(await world.log.append(message())).sent_at for _ in range(5)]
    assert times == sorted(set(times))


async def test_what_was_never_sent_is_not_found(world: World) -> None:
    assert await world.log.find(thumbprint(), "01890000-0000-7000-8000-000000000000") is None
