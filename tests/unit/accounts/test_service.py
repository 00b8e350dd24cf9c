import pytest

from common.accounts import Accounts
from common.accounts.model import User
from common.identity import Address, IndexKey
from tests.fakes.accounts import FakeMailer, FakeUsers
from tests.fakes.clock import FakeClock
from tests.fakes.quotas import FakeQuotas

ALICE = Address("alice@example.org")
HOME = "192.0.2.0/24"
IN_ORDER = ["find", "create", "link_code", "send_link"]


class World:
    def __init__(self) -> None:
        self.users = FakeUsers()
        self.mailer = FakeMailer(calls=self.users.calls)
        self.quotas = FakeQuotas()
        self.clock = FakeClock()
        self.accounts = Accounts(
            users=self.users,
            mailer=self.mailer,
            quotas=self.quotas,
            index_key=IndexKey(bytes(32)),
            link_page="https://api.example/v1/open_link",
            clock=self.clock,
        )

    def knows(self, *, verified: bool, has_password: bool) -> None:
        user = User(uid="alice1", verified=verified, has_password=has_password)
        self.users.users[ALICE.text] = user


@pytest.fixture
def world() -> World:
    return World()


async def test_the_mail_carries_the_page_with_the_code_as_its_fragment(world: World) -> None:
    await world.accounts.mail_link(ALICE, HOME)
    code = await world.users.link_code(ALICE)
    assert world.mailer.sent == [(ALICE, f"https://api.example/v1/open_link#{code}")]


@pytest.mark.parametrize(("verified", "has_password"), [(False, False), (True, False), (True, True)])
async def test_a_known_address_takes_the_calls_of_a_new_one(
    world: World, *, verified: bool, has_password: bool
) -> None:
    await world.accounts.mail_link(ALICE, HOME)
    assert world.users.calls == IN_ORDER
    world.users.calls.clear()
    world.knows(verified=verified, has_password=has_password)
    await world.accounts.mail_link(ALICE, HOME)
    assert world.users.calls == IN_ORDER
    assert world.users.users[ALICE.text].uid == "alice1"


async def test_a_squatter_makes_way_before_the_link_is_made(world: World) -> None:
    world.knows(verified=False, has_password=True)
    await world.accounts.mail_link(ALICE, HOME)
    assert world.users.calls == ["find", "delete", "create", "link_code", "send_link"]
    assert not world.users.users[ALICE.text].has_password


async def test_an_address_gets_three_links_an_hour(world: World) -> None:
    for spelling in ("alice@example.org", "ALICE@example.org", "alice@EXAMPLE.org", "Alice@example.org"):
        await world.accounts.mail_link(Address(spelling), f"{spelling}'s network")
    assert len(world.mailer.sent) == 3
    assert world.users.calls == IN_ORDER * 3


async def test_an_address_gets_ten_links_a_day(world: World) -> None:
    world.clock.now = world.clock.now // 86_400 * 86_400
    for hour in range(12):
        for _ in range(3):
            await world.accounts.mail_link(ALICE, f"network {hour}")
        world.clock.now += 3_600
    assert len(world.mailer.sent) == 10
    world.clock.now += 12 * 3_600
    await world.accounts.mail_link(ALICE, HOME)
    assert len(world.mailer.sent) == 11


async def test_a_network_gets_twenty_links_an_hour(world: World) -> None:
    for number in range(25):
        await world.accounts.mail_link(Address(f"person{number}@example.org"), HOME)
    await world.accounts.mail_link(ALICE, "198.51.100.0/24")
    assert [address.text for address, _ in world.mailer.sent] == [
        *(f"person{number}@example.org" for number in range(20)),
        ALICE.text,
    ]


async def test_a_network_past_its_limit_counts_no_further_address(world: World) -> None:
    for number in range(25):
        await world.accounts.mail_link(Address(f"person{number}@example.org"), HOME)
    assert len({subject for subject, _, _ in world.quotas.counts}) == 1 + 20


async def test_an_address_past_its_limit_still_counts_against_the_network(world: World) -> None:
    for _ in range(20):
        await world.accounts.mail_link(ALICE, HOME)
    await world.accounts.mail_link(Address("bob@example.org"), HOME)
    assert len(world.mailer.sent) == 3


async def test_a_limit_is_silent_and_calls_nothing(world: World) -> None:
    for _ in range(3):
        await world.accounts.mail_link(ALICE, HOME)
    world.users.calls.clear()
    await world.accounts.mail_link(ALICE, HOME)
    assert world.users.calls == []


async def test_quotas_never_see_an_address_or_a_network(world: World) -> None:
    await world.accounts.mail_link(ALICE, HOME)
    subjects = {subject for subject, _, _ in world.quotas.counts}
    assert len(subjects) == 2
    assert all(len(subject) == 32 and b"192" not in subject for subject in subjects)


async def test_quotas_of_two_days_cannot_be_joined(world: World) -> None:
    await world.accounts.mail_link(ALICE, HOME)
    world.clock.now += 86_400
    await world.accounts.mail_link(ALICE, HOME)
    assert len({subject for subject, _, _ in world.quotas.counts}) == 4
