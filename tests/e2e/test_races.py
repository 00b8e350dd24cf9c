"""Two devices of one account act at once: no statement is lost, and who comes too late is told what to do next."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import httpx
import pytest

from scripts.local.layout import Layout
from scripts.local.people import Person
from scripts.local.processes import Processes
from scripts.local.stack import Backing, Suite
from sealpost.account import Surroundings
from sealpost.changes import Change
from sealpost.errors import SIGN_IN_AGAIN, SealpostError
from sealpost.joining import Request
from tests.conftest import enter_as
from tests.e2e.device import Service, ready_keys
from tests.e2e.tampering import Forward, Json, TamperingProxy, lying_suite, problem
from tests.e2e.victims import CHEAP, claims

PATIENCE = 2.0
"""Seconds that the first of two calls waits for the second."""


@dataclass
class Family:
    """Ada's devices, each on a thread of its own."""

    proxy: TamperingProxy
    suite: Suite
    backing: Backing
    home: Path
    people: list[Person] = field(default_factory=list)

    def first(self) -> Person:
        """A new account."""
        person = enter_as("ada", self.suite, self.backing, self.home, Surroundings(cost=CHEAP))
        self.people.append(person)
        id_of(person)
        return person

    def pending(self, first: Person) -> Person:
        self.run("delete from rate_limits")
        device = Person(
            f"ada-{len(self.people)}", first.address, home=self.home, surroundings=Surroundings(cost=CHEAP)
        )
        self.people.append(device)
        device.sign_up(self.proxy.url)
        device.sign_in(self.code(device))
        id_of(device)
        return device

    def code(self, device: Person) -> str:
        """To sign in with."""
        return Service.of(self.suite, self.backing).link_code(device.address)

    def linked(self, first: Person) -> Person:
        device = self.pending(first)
        device.do(lambda account: account.devices.link(lambda request: approve(first, str(request))))
        self.run("delete from link_requests")
        return device

    def run(self, sql: str) -> None:
        connection = self.backing.postgres.connect(self.suite.database)
        connection.run(sql)
        connection.close()

    @contextmanager
    def crossing(self, *functions: str) -> Iterator[None]:
        """The first call of each of two devices comes to the service when the other's has been made too."""
        both = Barrier(2)

        def wait(asked: Json, forward: Forward) -> httpx.Response:
            with suppress(BrokenBarrierError):
                both.wait(PATIENCE)
            return forward(asked)

        with self.proxy.lying(**dict.fromkeys(functions, wait)):
            yield

    @contextmanager
    def before(self, function: str, act: Callable[[], object]) -> Iterator[None]:
        """When one device has made this call, and the service has not got it yet, another one acts."""
        once = iter([act])

        def overtake(asked: Json, forward: Forward) -> httpx.Response:
            for other in once:
                other()
            return forward(asked)

        with self.proxy.lying(**{function: overtake}):
            yield


@pytest.fixture(scope="module")
def service(layout: Layout, processes: Processes, backing: Backing) -> Iterator[tuple[TamperingProxy, Suite]]:
    with lying_suite(layout, processes, backing, "races") as (proxy, owner):
        yield proxy, replace(owner.suite, url=proxy.url)


@pytest.fixture
def family(
    service: tuple[TamperingProxy, Suite], backing: Backing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Family]:
    ready_keys(monkeypatch)
    made = Family(*service, backing, tmp_path)
    yield made
    for person in made.people:
        person.close()


def approve(device: Person, secret: str) -> None:
    device.do(lambda account: account.devices.approve(secret))


def revoke(device: Person, other: Person) -> None:
    target = id_of(other)
    device.do(lambda account: account.devices.revoke(target))


def reset(device: Person) -> None:
    device.do(lambda account: account.devices.reset())


def veto(device: Person) -> None:
    device.do(lambda account: account.devices.veto())


def history_on(device: Person) -> None:
    device.do(lambda account: account.history_key.turn_on(code=str, show=lambda _code: None))


@cache
def id_of(device: Person) -> str:
    """Asked for once: whoever is busy later does not answer."""
    return device.do(lambda account: account._device.key.kid)


def acts(device: Person) -> list[str]:
    """Of the account's chain, as a device that is still in it sees it."""
    chain = device.do(lambda account: account.own_chain.newest())
    return [claims(statement)["act"] for statement in chain.statements]


def active(device: Person) -> set[str]:
    chain = device.do(lambda account: account.own_chain.newest())
    return {one.id for one in chain.active_devices}


def outcome(act: Callable[[], object]) -> SealpostError | None:
    try:
        act()
    except SealpostError as error:
        return error
    return None


def must_sign_in(device: Person, late: SealpostError) -> None:
    """What a device is told that was removed before its call, or while it was on its way: at once, or where it is sent."""
    if late.code == "device-not-active":
        assert late.cure.endswith("sealpost devices")
        told = outcome(lambda: device.do(lambda account: account.devices.all()))
        assert told is not None
        late = told
    assert late.cure == SIGN_IN_AGAIN


def together(*acts: Callable[[], object]) -> list[SealpostError | None]:
    with ThreadPoolExecutor(max_workers=len(acts)) as pool:
        return list(pool.map(outcome, acts))


def test_two_statements_at_once_both_stand(family: Family) -> None:
    laptop = family.first()
    phone, tablet = family.linked(laptop), family.linked(laptop)

    with family.crossing("publish_key"):
        assert together(lambda: revoke(laptop, tablet), lambda: history_on(phone)) == [None, None]

    assert sorted(acts(laptop)) == ["add-device"] * 3 + ["revoke-device", "set-history-key"]
    assert acts(phone) == acts(laptop)


def test_of_two_removals_of_one_device_the_second_learns_of_the_first(family: Family) -> None:
    laptop = family.first()
    phone, tablet = family.linked(laptop), family.linked(laptop)

    with family.crossing("publish_key"):
        errors = together(lambda: revoke(laptop, tablet), lambda: revoke(phone, tablet))

    (late,) = (error for error in errors if error is not None)
    assert (str(late), late.cure) == (
        f"Device {id_of(tablet)[:8]} was removed before.",
        "See which there are: sealpost devices",
    )
    assert acts(laptop) == acts(phone) == ["add-device"] * 3 + ["revoke-device"]


def test_of_two_that_remove_each_other_one_stays(family: Family) -> None:
    laptop = family.first()
    phone = family.linked(laptop)

    with family.crossing("publish_key"):
        errors = together(lambda: revoke(laptop, phone), lambda: revoke(phone, laptop))

    (late,) = (error for error in errors if error is not None)
    stays, goes = (laptop, phone) if errors[0] is None else (phone, laptop)
    must_sign_in(goes, late)
    assert acts(stays) == ["add-device", "add-device", "revoke-device"]
    assert active(stays) == {id_of(stays)}
    again = outcome(lambda: goes.sign_in(family.code(goes)))
    assert again is not None
    assert "--profile NAME sign-up" in again.cure


def test_a_removal_overtakes_an_approval_by_another_device(family: Family) -> None:
    """The grant is made anew, on the chain of then."""
    laptop = family.first()
    phone, newcomer = family.linked(laptop), family.pending(laptop)
    tablet = family.linked(laptop)

    def carry(request: Request) -> None:
        with family.before("grant_link", lambda: revoke(phone, tablet)):
            approve(laptop, str(request))

    newcomer.do(lambda account: account.devices.link(carry))

    assert acts(newcomer) == acts(phone) == ["add-device"] * 3 + ["revoke-device", "add-device"]
    assert active(laptop) == {id_of(laptop), id_of(phone), id_of(newcomer)}


def test_a_device_that_is_removed_while_it_approves_leaves_it_to_another(family: Family) -> None:
    laptop = family.first()
    phone, newcomer = family.linked(laptop), family.pending(laptop)
    late: list[SealpostError | None] = []

    def carry(request: Request) -> None:
        with family.before("grant_link", lambda: revoke(phone, laptop)):
            late.append(outcome(lambda: approve(laptop, str(request))))
        approve(phone, str(request))

    newcomer.do(lambda account: account.devices.link(carry))

    (refused,) = late
    assert refused is not None
    assert refused.cure == SIGN_IN_AGAIN
    assert acts(newcomer) == ["add-device", "add-device", "revoke-device", "add-device"]
    assert active(phone) == {id_of(phone), id_of(newcomer)}


def test_an_approval_overtakes_the_removal_of_the_device_that_made_it(family: Family) -> None:
    """The removal goes on, and says nothing of whom the removed device had let in: the chain does."""
    laptop = family.first()
    phone, newcomer = family.linked(laptop), family.pending(laptop)

    def carry(request: Request) -> None:
        with family.before("publish_key", lambda: approve(laptop, str(request))):
            revoke(phone, laptop)

    newcomer.do(lambda account: account.devices.link(carry))

    assert acts(phone) == ["add-device", "add-device", "add-device", "revoke-device"]
    assert active(newcomer) == {id_of(phone), id_of(newcomer)}
    shown = phone.do(lambda account: [item for item in account.inbox() if isinstance(item, Change)])
    assert id_of(newcomer) in {change.device for change in shown}


@pytest.fixture
def due(family: Family) -> tuple[Person, Person]:
    """A laptop, and a device whose wish to reset has waited long enough."""
    laptop = family.first()
    newcomer = family.pending(laptop)
    delayed = outcome(lambda: reset(newcomer))
    assert delayed is not None
    assert delayed.code == "reset-delayed"
    family.run(
        "update reset_requests set requested_at = requested_at - interval '2 days', due_at = now() - interval '1 minute'"
    )
    family.run("update sessions set created_at = created_at - interval '1 day'")
    return laptop, newcomer


def test_a_veto_that_comes_before_the_reset(family: Family, due: tuple[Person, Person]) -> None:
    laptop, newcomer = due

    with family.before("publish_key", lambda: veto(laptop)):
        late = outcome(lambda: reset(newcomer))

    assert late is not None
    assert (late.code, late.cure) == ("forbidden", f"{SIGN_IN_AGAIN}, then sealpost reset --yes")
    assert acts(laptop) == ["add-device"]


def test_a_veto_that_comes_after_the_reset(family: Family, due: tuple[Person, Person]) -> None:
    laptop, newcomer = due

    with family.before("veto_reset", lambda: reset(newcomer)):
        late = outcome(lambda: veto(laptop))

    assert late is not None
    assert late.cure == SIGN_IN_AGAIN
    assert acts(newcomer) == ["add-device", "reset"]
    again = outcome(lambda: laptop.sign_in(family.code(laptop)))
    assert again is not None
    assert "--profile NAME sign-up" in again.cure


def test_a_refusal_sends_a_removed_device_where_it_is_told(
    family: Family, due: tuple[Person, Person]
) -> None:
    """As of a call that was let in before the reset, and judged after it."""
    laptop, newcomer = due

    def overtaken(_asked: Json, _forward: Forward) -> httpx.Response:
        reset(newcomer)
        return problem(403, "device-not-active")

    with family.proxy.lying(veto_reset=overtaken):
        late = outcome(lambda: veto(laptop))

    assert late is not None
    assert late.code == "device-not-active"
    must_sign_in(laptop, late)


def test_a_reset_and_a_veto_at_once(family: Family, due: tuple[Person, Person]) -> None:
    laptop, newcomer = due

    with family.crossing("publish_key", "veto_reset"):
        errors = together(lambda: reset(newcomer), lambda: veto(laptop))

    (late,) = (error for error in errors if error is not None)
    if errors[0] is None:
        must_sign_in(laptop, late)
        assert acts(newcomer) == ["add-device", "reset"]
    else:
        assert late.cure == f"{SIGN_IN_AGAIN}, then sealpost reset --yes"
        assert acts(laptop) == ["add-device"]
