import pytest

from common.errors import InvalidRequest, RateLimited, SealpostError, Unavailable
from common.identity import IndexKey
from common.keys import Resubmission
from common.keys.model import RESUBMITTED
from common.keys.resubmitting import CALLS_PER_HOUR, Resubmitting
from tests.fakes.keys import FakeResubmissionStore
from tests.fakes.quotas import FakeQuotas
from tests.signing import digest
from tests.unit.keys.world import LAPTOP, PHONE, TABLET, UID, World


class Restored(World):
    """The service knows the phone's first statement alone, of what it held when the lost time began."""

    def __init__(self) -> None:
        super().__init__()
        self.known = FakeResubmissionStore(self.store)
        self.resubmitting = Resubmitting(
            store=self.known,
            ending=self.publishing.ending,
            quotas=FakeQuotas(),
            index_key=IndexKey(bytes(32)),
            clock=self.clock,
        )

    async def resubmit(self, *statements: str) -> int:
        caller = await self.caller(PHONE)
        return (await self.resubmitting.resubmit(Resubmission(UID, statements), caller)).seq

    async def lose(self) -> list[str]:
        """The laptop was linked, and removed. What the phone knows of it."""
        await self.begin()
        await self.link(LAPTOP)
        removal = self.next(PHONE, "revoke-device", device=LAPTOP.kid)
        await self.publish(PHONE, removal)
        statements = [one.compact for one in self.store.chains[UID][1:]]
        self.known.lose(UID, after=0, devices=[LAPTOP.kid], now=self.clock.now)
        self.revoked.noted.clear()
        self.revoked.devices.clear()
        self.clock.now += 7_200
        return statements


@pytest.fixture
def world() -> Restored:
    return Restored()


async def test_lost_statements_come_back_once(world: Restored) -> None:
    lost = await world.lose()
    assert await world.resubmit(lost[0]) == 1
    assert world.state_of(LAPTOP) == "active"
    assert await world.resubmit(*lost) == 2
    assert world.state_of(LAPTOP) == "revoked"
    assert await world.resubmit(*lost) == 2


async def test_a_removal_that_comes_back_notes_the_sessions_that_it_ends_first(world: Restored) -> None:
    lost = await world.lose()
    session = await world.sign_in(LAPTOP, "l" * 22)
    world.revoked.broken = True
    with pytest.raises(Unavailable):
        await world.resubmit(*lost)
    assert session.session not in world.sessions.ended
    assert len(world.store.chains[UID]) == 1
    world.revoked.broken = False
    assert await world.resubmit(*lost) == 2
    assert (world.revoked.devices, world.revoked.noted) == ([LAPTOP.kid], [session.session])
    assert session.session in world.sessions.ended
    assert (UID, session.session) not in world.documents.documents


async def test_a_signature_counts_of_a_known_device_or_one_that_the_statements_add(world: Restored) -> None:
    lost = await world.lose()
    by_laptop = world.next(LAPTOP, "set-history-key", key=None, backup=None, seq=2, prev=digest(lost[0]))
    with pytest.raises(InvalidRequest, match="signed by a device of it"):
        await world.resubmit(by_laptop)
    by_stranger = world.next(TABLET, "revoke-device", device=PHONE.kid)
    for statements in ([by_stranger], [TABLET.forge(lost[0])], [lost[0], by_stranger]):
        with pytest.raises(SealpostError):
            await world.resubmit(*statements)
    assert len(world.store.chains[UID]) == 1


async def test_an_account_that_there_is_not_refuses_as_one_that_has_not_signed(world: Restored) -> None:
    lost = await world.lose()
    caller, details = await world.caller(PHONE), set()
    for uid, statement in (("nobody", lost[0]), (UID, TABLET.forge(lost[0]))):
        with pytest.raises(InvalidRequest) as refused:
            await world.resubmitting.resubmit(Resubmission(uid, (statement,)), caller)
        details.add(refused.value.detail if uid == "nobody" else "")
    assert "The statement must be of the account and signed by a device of it." in details


async def test_so_many_calls_an_hour(world: Restored) -> None:
    lost = await world.lose()
    for _ in range(CALLS_PER_HOUR):
        await world.resubmit(lost[0])
    with pytest.raises(RateLimited):
        await world.resubmit(lost[0])


@pytest.mark.parametrize("count", [0, RESUBMITTED + 1])
def test_so_many_statements_a_call(count: int) -> None:
    with pytest.raises(InvalidRequest):
        Resubmission(UID, ("x",) * count)
