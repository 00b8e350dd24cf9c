"""A link that is approved late, twice, or under another process: nobody is left without a way on, or warned of nothing."""

from collections.abc import Iterator

import pytest

from sealpost.account import Account
from sealpost.errors import DeviceNotActive, ServiceUnavailable, UsageError
from sealpost.protocol import acts, bounds
from sealpost.protocol.statements import read_possession
from sealpost.state import Kind
from tests.client.devices import interrupted, nobody, own_chain, publish, state_of
from tests.client.fakes import Json, World

ADA = "ada@example.org"


@pytest.fixture
def tablet(world: World, ada: Account) -> Iterator[Account]:
    """Ada's second device: it has signed in, and is pending."""
    with world.person("ada-2") as account:
        yield account


def test_no_other_secret_is_made_where_the_first_was_approved(
    world: World, ada: Account, tablet: Account
) -> None:
    """A key joins a chain once: a grant that nobody takes is a device that is lost."""
    ada.devices.approve(str(interrupted(world, tablet)))

    tablet.devices.link(nobody, anew=True)

    assert state_of(tablet) == "active"


def test_a_grant_that_nobody_took_in_time_is_said(world: World, ada: Account, tablet: Account) -> None:
    ada.devices.approve(str(interrupted(world, tablet)))
    world.wall.ahead += 2 * bounds.LINK_LIFE

    with pytest.raises(DeviceNotActive) as refused:
        tablet.devices.link(nobody)

    assert "did not take" in str(refused.value)
    assert tablet._device.key.kid[:8] in refused.value.cure
    assert len(world.service.called("request_link")) == 1


def test_a_secret_that_another_process_replaced_raises_no_alarm(
    world: World, ada: Account, tablet: Account
) -> None:
    def replace() -> None:
        with world.reopened("ada-2") as again:
            again._state.delete(Kind.LINK)
            ada.devices.approve(str(interrupted(world, again)))

    world.wall.meanwhile = replace
    with pytest.raises(UsageError) as stopped:
        tablet.devices.link(lambda _request: None)

    assert "another secret" in str(stopped.value)
    tablet.devices.link(nobody)
    assert state_of(tablet) == "active"


def test_where_another_device_approved_the_same_one_that_is_said(
    world: World, ada: Account, tablet: Account
) -> None:
    shown = interrupted(world, tablet)
    pop = world.service.accounts[ADA]["link"]["pop"]

    def faster(_body: Json) -> None:
        world.service.before.clear()
        device, own = read_possession(pop).device, own_chain(ada)
        publish(world, ada, acts.add_device(own, device, pop, ada._device.key, own.times[-1] + 5))

    world.service.before["grant_link"] = faster

    with pytest.raises(UsageError) as refused:
        ada.devices.approve(str(shown))

    assert "approved this device already" in str(refused.value)
    assert len(own_chain(ada).active_devices) == 2


@pytest.mark.parametrize("member", ["pop", "encryption_key", "mac"])
def test_a_request_that_is_not_ascii_is_refused(
    world: World, ada: Account, tablet: Account, member: str
) -> None:
    shown = interrupted(world, tablet)
    world.service.accounts[ADA]["link"][member] += "\N{LATIN SMALL LETTER E WITH ACUTE}"

    with pytest.raises(ServiceUnavailable):
        ada.devices.approve(str(shown))
