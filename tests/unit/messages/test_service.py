from dataclasses import replace
from typing import Any

import pytest

from common.errors import (
    Blocked,
    DeviceMismatch,
    DeviceNotActive,
    InvalidRequest,
    MessageConflict,
    NotAMember,
    RateLimited,
    Restored,
    SealpostError,
    Unauthenticated,
)
from common.identity import Caller
from common.messages import Messages, NewMessage
from common.messages.model import Permit, RecipientKey
from tests.fakes.clock import FakeClock
from tests.fakes.messages import FakeMessageLog, FakePermits
from tests.signing import b64, digest, envelope

DAY = 86_400
CONVERSATION = digest("conversation")
ALICE = Caller(uid="alice1", session="s" * 22, device=digest("alice's phone"))
HEADS = {"alice1": (0, digest("alice")), "bob1": (3, digest("bob"))}


def of(name: str, uid: str, device: str, expires_at: float = 1_900_000_000.0) -> RecipientKey:
    return RecipientKey(kid=digest(name), uid=uid, device=digest(device), expires_at=expires_at)


OWN = of("own", "alice1", "alice's phone")
TABLET = of("tablet", "alice1", "alice's tablet")
BOBS = of("bob", "bob1", "bob's phone")
EXPIRED = of("expired", "bob1", "bob's old phone", 1_799_999_999.0)
PERMIT = Permit(
    session_alive=True,
    device_active=True,
    device_restored=False,
    within_rate=True,
    members=("alice1", "bob1"),
    blocked=False,
    keys=(OWN, TABLET, BOBS, EXPIRED),
    restored=(),
    history_kids=(),
)
OWN_HISTORY, BOBS_HISTORY = digest("alice's history"), digest("bob's history")


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.permits = FakePermits(PERMIT, dict(HEADS))
        self.log = FakeMessageLog()
        self.messages = Messages(permits=self.permits, log=self.log, clock=self.clock)
        self.id = "0190f7a2-5c3e-7abc-8def-0123456789ab"

    def sealed(self, *keys: RecipientKey, expires_at: int | None = None, **changed: Any) -> NewMessage:
        kids = [key.kid for key in keys or (TABLET, BOBS)]
        return NewMessage(self.id, CONVERSATION, expires_at, envelope(*kids, **changed))

    async def send(self, request: NewMessage) -> str:
        return await self.messages.send(request, ALICE)

    async def mismatch(self, *keys: RecipientKey) -> dict[str, Any]:
        with pytest.raises(
            DeviceMismatch,
            match=r"^The members' keys have changed. Look them up, verify them, and seal again.$",
        ) as caught:
            await self.send(self.sealed(*keys))
        assert self.log.messages == {}
        return dict(caught.value.members)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_message_is_one_document_as_it_came(world: World) -> None:
    request = world.sealed()
    sent_at = await world.send(request)
    stored = world.log.messages[CONVERSATION, world.id]
    assert (stored.sender_uid, stored.sender_device) == (ALICE.uid, ALICE.device)
    assert (stored.envelope, stored.sent_at) == (request.envelope, sent_at)
    assert world.log.members == [("alice1", "bob1")]
    assert world.log.calls == ["append"]


NO_MEMBER = "There is no such conversation, or the caller is not a member of it."
REFUSALS: dict[str, tuple[dict[str, Any], type[SealpostError], str]] = {
    "the session has ended": (
        {"session_alive": False},
        Unauthenticated,
        "This session has ended. Sign in again.",
    ),
    "the device is not active": (
        {"device_active": False},
        DeviceNotActive,
        "This device is not active in the account's key chain. Publish or link it first.",
    ),
    "not a member": ({"members": ("bob1", "carol1")}, NotAMember, NO_MEMBER),
    "no such conversation": ({"members": ()}, NotAMember, NO_MEMBER),
    "too many": (
        {"within_rate": False},
        RateLimited,
        "Too many messages from this account. Wait, then send again.",
    ),
    "blocked": (
        {"blocked": True},
        Blocked,
        "A member of this conversation does not accept messages from the caller.",
    ),
}


@pytest.mark.parametrize(("changed", "refusal", "sentence"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_who_may_not_send_stores_nothing(
    world: World, changed: dict[str, Any], refusal: type[SealpostError], sentence: str
) -> None:
    world.permits.permit = replace(PERMIT, **changed)
    with pytest.raises(SealpostError) as caught:
        await world.send(world.sealed())
    assert type(caught.value) is refusal
    assert caught.value.detail == sentence
    assert world.log.calls == []


async def test_a_stranger_learns_nothing_about_blocks_and_rates(world: World) -> None:
    world.permits.permit = replace(PERMIT, members=(), blocked=True, within_rate=False)
    with pytest.raises(NotAMember):
        await world.send(world.sealed())


async def test_a_rate_limit_says_when_to_come_back(world: World) -> None:
    world.permits.permit = replace(PERMIT, within_rate=False)
    with pytest.raises(RateLimited) as caught:
        await world.send(world.sealed())
    assert caught.value.retry_after == 1


async def test_a_missing_key_is_named(world: World) -> None:
    assert await world.mismatch(BOBS) == {
        "missing": [TABLET.kid],
        "extra": [],
        "expired": [],
        "heads": {"alice1": [0, HEADS["alice1"][1]], "bob1": [3, HEADS["bob1"][1]]},
    }


async def test_an_extra_key_is_named(world: World) -> None:
    stranger = of("mallory", "mallory1", "mallory's phone")
    members = await world.mismatch(TABLET, BOBS, stranger)
    assert (members["missing"], members["extra"], members["expired"]) == ([], [stranger.kid], [])


async def test_the_sending_device_is_no_recipient(world: World) -> None:
    members = await world.mismatch(OWN, TABLET, BOBS)
    assert (members["missing"], members["extra"], members["expired"]) == ([], [OWN.kid], [])


async def test_an_expired_key_is_named_as_that(world: World) -> None:
    members = await world.mismatch(TABLET, BOBS, EXPIRED)
    assert (members["missing"], members["extra"], members["expired"]) == ([], [], [EXPIRED.kid])


async def test_lists_are_sorted_and_complete(world: World) -> None:
    strangers = [of(f"key {number}", "mallory1", "phone") for number in range(5)]
    members = await world.mismatch(*strangers)
    assert members["missing"] == sorted((TABLET.kid, BOBS.kid))
    assert members["extra"] == sorted(key.kid for key in strangers)


async def test_a_key_ends_at_its_second(world: World) -> None:
    world.permits.permit = replace(PERMIT, keys=(OWN, TABLET, replace(BOBS, expires_at=world.clock.now)))
    assert (await world.mismatch(TABLET, BOBS))["expired"] == [BOBS.kid]


async def test_the_same_call_again_is_answered_as_the_first(world: World) -> None:
    request = world.sealed()
    first = await world.send(request)
    world.clock.now += 60
    assert await world.send(request) == first
    assert len(world.log.messages) == 1


async def test_other_bytes_under_the_same_id_are_a_conflict(world: World) -> None:
    await world.send(world.sealed())
    with pytest.raises(MessageConflict) as caught:
        await world.send(world.sealed(ciphertext=b64(b"other")))
    assert caught.value.detail == "Another message stands under this id. Make a new id for a new message."
    stored = world.log.messages[CONVERSATION, world.id]
    assert stored.envelope == world.sealed().envelope


@pytest.mark.parametrize("changed", [{"uid": "bob1"}, {"device": digest("alice's laptop")}], ids=repr)
async def test_another_senders_id_is_a_conflict(world: World, changed: dict[str, str]) -> None:
    await world.send(world.sealed())
    other = replace(ALICE, **changed)
    world.permits.permit = replace(PERMIT, keys=(TABLET, BOBS))
    with pytest.raises(MessageConflict):
        await world.messages.send(world.sealed(), other)


async def test_a_repeat_after_the_keys_changed_is_answered_as_the_first(world: World) -> None:
    request = world.sealed()
    first = await world.send(request)
    world.permits.permit = replace(PERMIT, keys=(OWN, TABLET, of("new", "bob1", "bob's phone")))
    assert await world.send(request) == first
    assert world.log.calls == ["append", "find"]


async def test_other_bytes_after_the_keys_changed_are_a_mismatch(world: World) -> None:
    await world.send(world.sealed())
    world.permits.permit = replace(PERMIT, keys=(OWN, TABLET, of("new", "bob1", "bob's phone")))
    with pytest.raises(DeviceMismatch):
        await world.send(world.sealed(ciphertext=b64(b"other")))
    with pytest.raises(DeviceMismatch):
        await world.messages.send(world.sealed(), replace(ALICE, device=digest("other")))


async def test_a_repeat_is_asked_who_it_is_first(world: World) -> None:
    request = world.sealed()
    await world.send(request)
    world.permits.permit = replace(PERMIT, session_alive=False)
    with pytest.raises(Unauthenticated):
        await world.send(request)


@pytest.mark.parametrize(("ahead", "kept"), [(None, 90 * DAY), (1, 0.001), (90 * DAY * 1000, 90 * DAY)])
async def test_a_message_is_kept_90_days_or_less(world: World, ahead: int | None, kept: float) -> None:
    now = int(world.clock.now)
    await world.send(world.sealed(expires_at=None if ahead is None else now * 1000 + ahead))
    assert world.log.expiries == [pytest.approx(now + kept, abs=1e-4)]


@pytest.mark.parametrize("ahead", [0, -1, 90 * DAY * 1000 + 1])
async def test_an_expiry_lies_ahead_within_90_days(world: World, ahead: int) -> None:
    with pytest.raises(InvalidRequest, match=r"^expires_at must lie ahead, within 90 days\.$"):
        await world.send(world.sealed(expires_at=int(world.clock.now) * 1000 + ahead))
    assert world.log.messages == {}


async def test_a_message_is_answered_as_the_first_time_after_it_expired(world: World) -> None:
    request = world.sealed(expires_at=int(world.clock.now) * 1000 + 60_000)
    sent_at = await world.send(request)
    world.clock.now += 3_600
    assert await world.send(request) == sent_at


async def test_an_envelope_is_checked_before_anything_is_asked(world: World) -> None:
    world.permits.permit = replace(PERMIT, session_alive=False)
    with pytest.raises(InvalidRequest):
        await world.send(NewMessage(world.id, CONVERSATION, None, "{}"))


def with_history(world: World, *kids: str, expires_at: int | None = None) -> NewMessage:
    sealed = envelope(TABLET.kid, BOBS.kid, *kids)
    return NewMessage(world.id, CONVERSATION, expires_at, sealed)


async def test_what_stays_is_sealed_for_every_members_history(world: World) -> None:
    world.permits.permit = replace(PERMIT, history_kids=(OWN_HISTORY, BOBS_HISTORY))
    for kids, missing in (
        ((), [OWN_HISTORY, BOBS_HISTORY]),
        ((OWN_HISTORY,), [BOBS_HISTORY]),
        ((BOBS_HISTORY,), [OWN_HISTORY]),
    ):
        with pytest.raises(DeviceMismatch) as caught:
            await world.send(with_history(world, *kids))
        assert caught.value.members["missing"] == sorted(missing)
        assert (caught.value.members["extra"], caught.value.members["expired"]) == ([], [])
    assert await world.send(with_history(world, OWN_HISTORY, BOBS_HISTORY))


async def test_what_disappears_is_in_nobodys_history(world: World) -> None:
    world.permits.permit = replace(PERMIT, history_kids=(OWN_HISTORY, BOBS_HISTORY))
    expires_at = int(world.clock.now) * 1000 + 60_000
    with pytest.raises(DeviceMismatch) as caught:
        await world.send(with_history(world, BOBS_HISTORY, expires_at=expires_at))
    members = caught.value.members
    assert (members["missing"], members["extra"], members["expired"]) == ([], [BOBS_HISTORY], [])
    assert await world.send(with_history(world, expires_at=expires_at))


async def test_a_history_key_that_ended_is_extra(world: World) -> None:
    world.permits.permit = replace(PERMIT, history_kids=(BOBS_HISTORY,))
    with pytest.raises(DeviceMismatch) as caught:
        await world.send(with_history(world, BOBS_HISTORY, OWN_HISTORY))
    assert (caught.value.members["missing"], caught.value.members["extra"]) == ([], [OWN_HISTORY])


async def test_a_message_to_oneself_goes_to_ones_other_devices_and_history(world: World) -> None:
    world.permits.permit = replace(
        PERMIT, members=("alice1",), keys=(OWN, TABLET), history_kids=(OWN_HISTORY,)
    )
    request = NewMessage(world.id, CONVERSATION, None, envelope(TABLET.kid, OWN_HISTORY))
    assert await world.send(request)
    assert world.log.members == [("alice1",)]


async def require_restored(world: World, *uids: str) -> None:
    with pytest.raises(Restored) as refused:
        await world.send(world.sealed())
    assert refused.value.members == {"uids": list(uids)}
    assert world.log.messages == {}


async def test_a_restored_device_publishes_before_it_sends(world: World) -> None:
    world.permits.permit = replace(PERMIT, device_restored=True, restored=("alice1",))
    await require_restored(world, "alice1")


@pytest.mark.parametrize("keys", [(OWN, TABLET), (OWN, TABLET, EXPIRED)])
async def test_a_member_whose_restored_devices_alone_could_read_is_waited_for(
    world: World, keys: tuple[RecipientKey, ...]
) -> None:
    world.permits.permit = replace(PERMIT, keys=keys, restored=("bob1",))
    await require_restored(world, "bob1")


async def test_one_restored_device_keeps_nobody_from_writing_to_the_others(world: World) -> None:
    world.permits.permit = replace(PERMIT, restored=("alice1", "bob1"))
    await world.send(world.sealed())
    assert len(world.log.messages) == 1


async def test_a_member_without_any_device_is_no_matter_of_a_restore(world: World) -> None:
    world.permits.permit = replace(PERMIT, keys=(OWN, TABLET), restored=("alice1",))
    await world.mismatch(TABLET, BOBS)


async def test_what_was_stored_before_the_restore_is_answered_as_then(world: World) -> None:
    request = world.sealed()
    sent_at = await world.send(request)
    world.permits.permit = replace(PERMIT, device_restored=True, restored=("alice1",))
    assert await world.send(request) == sent_at
