"""One person, two devices: each knows whom the other knows, and neither can be shown other people's keys alone."""

from collections.abc import Iterator

import httpx
import pytest

from sealpost.account import Account
from sealpost.contact import Contact
from sealpost.errors import Unsafe
from sealpost.protocol import encoding
from sealpost.protocol.body import Pin
from sealpost.protocol.identifiers import self_conversation
from sealpost.state import Kind
from tests.client.devices import history_on, joined, own_chain, publish, reset
from tests.client.fakes import World, problem, replace_keys, texts
from tests.client.peers import forged

ADA = "ada@example.org"
BOB = "bob@example.org"


@pytest.fixture
def tablet(world: World, ada: Account) -> Iterator[Account]:
    """Ada's second device, which was told of nobody yet."""
    with joined(world, ada) as account:
        yield account


def pin_of(account: Account, whose: Account) -> Contact:
    contact = account._contacts.pinned(whose._uid)
    assert contact is not None
    return contact


def meet(account: Account, whose: Account) -> Contact:
    """The account looks another one up."""
    account._contacts.find(uids=[whose._uid])
    return pin_of(account, whose)


def test_a_new_contact_is_told(ada: Account, bob: Account, tablet: Account) -> None:
    ada.send(BOB, "hello")

    assert texts(tablet) == ["hello"]

    assert tablet._contacts.uid_of(BOB) == bob._uid
    assert not tablet.send(BOB, "and from here").renewed


@pytest.mark.usefixtures("bob")
def test_so_is_a_mark(ada: Account, tablet: Account) -> None:
    ada.mark_verified(BOB)

    assert texts(tablet) == []

    assert tablet.send(BOB, "hello").verified


@pytest.mark.usefixtures("bob")
def test_a_device_that_was_linked_is_told_of_everybody(world: World, ada: Account) -> None:
    ada.mark_verified(BOB)
    assert world.service.called("send_message") == []
    assert ada._contacts.expected.untold() == []  # there is nobody to tell
    with joined(world, ada) as tablet:
        ada.sync.tell_all()
        assert texts(tablet) == []

        assert tablet.safety_number(BOB).verified


def test_a_reset_of_somebody_verified_elsewhere_stops_this_device_too(
    world: World, ada: Account, bob: Account, tablet: Account
) -> None:
    ada.mark_verified(BOB)
    assert texts(tablet) == []
    reset(world, bob)

    with pytest.raises(Unsafe) as stopped:
        tablet.send(BOB, "hello")

    assert stopped.value.code == "key-change"


def test_so_does_one_that_the_other_device_has_not_accepted(world: World, ada: Account, bob: Account) -> None:
    ada.mark_verified(BOB)
    reset(world, bob)
    with pytest.raises(Unsafe):
        ada.send(BOB, "hello")
    with joined(world, ada) as tablet:
        ada.sync.tell_all()
        assert texts(tablet) == []

        with pytest.raises(Unsafe) as stopped:
            tablet.send(BOB, "hello")

        assert stopped.value.code == "key-change"


def test_two_chains_shown_to_two_devices_freeze(
    world: World, ada: Account, bob: Account, tablet: Account
) -> None:
    ada.send(BOB, "hello")
    replace_keys(world, "bob")
    tablet.inbox()

    with pytest.raises(Unsafe) as stopped:
        tablet.send(BOB, "hello")

    assert stopped.value.code == "chain-fork"
    frozen = pin_of(tablet, bob).frozen
    assert frozen is not None
    assert pin_of(ada, bob).chain.head.hash in frozen[2]


def test_so_they_do_where_both_are_pinned(world: World, ada: Account, bob: Account, tablet: Account) -> None:
    real = dict(world.service.accounts[BOB])
    replace_keys(world, "bob")
    meet(tablet, bob)
    world.service.accounts[BOB].update(real)
    ada.mark_verified(BOB)

    assert texts(tablet) == []

    frozen = pin_of(tablet, bob).frozen
    assert frozen is not None
    assert frozen[0] == "chain-fork"


def test_a_longer_chain_is_waited_for(world: World, ada: Account, bob: Account, tablet: Account) -> None:
    """The service shows this device less than the other one: that is two histories as well."""
    meet(tablet, bob)
    grown = history_on(bob)
    publish(world, bob, grown)
    ada.mark_verified(BOB)
    assert texts(tablet) == []
    assert pin_of(tablet, bob).frozen is None
    assert not pin_of(tablet, bob).is_verified()

    assert meet(tablet, bob).is_verified()

    world.service.accounts[BOB]["statements"].remove(grown)
    with pytest.raises(Unsafe) as stopped:
        meet(tablet, bob)
    assert stopped.value.code == "chain-rollback"


def test_a_chain_without_what_was_told_is_another_one(
    world: World, ada: Account, bob: Account, tablet: Account
) -> None:
    grown = history_on(bob)
    publish(world, bob, grown)
    ada.mark_verified(BOB)
    assert texts(tablet) == []
    world.service.accounts[BOB]["statements"].remove(grown)

    with pytest.raises(Unsafe) as stopped:
        tablet.send(BOB, "hello")

    assert stopped.value.code == "chain-fork"


@pytest.mark.usefixtures("ada")
def test_a_mark_that_fits_no_root_is_a_contradiction(bob: Account, tablet: Account) -> None:
    head = own_chain(bob).head
    tablet._contacts.take_pins([Pin(bob._uid, (0, head.hash), (encoding.digest("x"), 0, head.hash))])

    with pytest.raises(Unsafe) as stopped:
        meet(tablet, bob)

    assert stopped.value.code == "chain-fork"


def test_two_devices_that_tell_of_one_person_are_both_heard(
    world: World, bob: Account, tablet: Account
) -> None:
    """One has compared keys, the other has seen more of the chain."""
    before = own_chain(bob).head
    publish(world, bob, history_on(bob))
    after = meet(bob, bob).chain.head
    verified = Pin(bob._uid, (0, before.hash), (before.root, 0, before.hash))
    longer = Pin(bob._uid, (1, after.hash))
    for order in ((verified, longer), (longer, verified)):
        tablet._state.delete(Kind.CONTACT, bob._uid)
        tablet._contacts.take_pins(order)

        assert meet(tablet, bob).is_verified()

    world.service.accounts[BOB]["statements"].pop()
    tablet._state.delete(Kind.CONTACT, bob._uid)
    tablet._contacts.take_pins([longer, verified])
    with pytest.raises(Unsafe):
        meet(tablet, bob)


def test_an_address_that_this_device_knows_stays_whose_it_was(
    world: World, bob: Account, tablet: Account
) -> None:
    tablet.send(BOB, "hello")
    with world.person("eve") as eve:
        tablet._contacts.take_pins([Pin(eve._uid, (0, own_chain(eve).head.hash), addresses=(BOB,))])
        assert tablet._contacts.book.addresses_of(eve._uid) == []

    assert tablet._contacts.uid_of(BOB) == bob._uid


@pytest.mark.usefixtures("bob")
def test_an_address_that_leads_elsewhere_for_this_device_stops_a_send(
    world: World, ada: Account, tablet: Account
) -> None:
    ada.send(BOB, "hello")
    assert texts(tablet) == ["hello"]
    with world.person("eve"):
        world.service.accounts[BOB] = world.service.accounts["eve@example.org"]

        with pytest.raises(Unsafe) as stopped:
            tablet.send(BOB, "hello")

    assert stopped.value.code == "key-change"


@pytest.mark.usefixtures("bob")
def test_one_that_could_not_be_told_is_told_the_next_time(
    world: World, ada: Account, tablet: Account
) -> None:
    def refuse(body: dict[str, str]) -> httpx.Response | None:
        mine = body["conversation_id"] == self_conversation(ada._uid)
        return problem(503, "unavailable", {"Retry-After": "99"}) if mine else None

    world.service.before["send_message"] = refuse
    assert ada.mark_verified(BOB).verified
    assert world.service.documents == []
    world.service.before.clear()

    ada.inbox()

    assert texts(tablet) == []
    assert tablet.safety_number(BOB).verified
    sent = len(world.service.documents)
    ada.inbox()
    assert len(world.service.documents) == sent


@pytest.mark.usefixtures("bob")
def test_a_device_that_was_off_for_long_is_told_when_it_is_back(
    world: World, ada: Account, tablet: Account
) -> None:
    world.wall.ahead = 31 * 86400
    ada.inbox()
    ada.mark_verified(BOB)
    assert world.service.documents == []

    assert texts(tablet) == []
    ada.inbox()
    assert texts(tablet) == []

    assert tablet.safety_number(BOB).verified


def test_nobody_else_is_believed(world: World, ada: Account, bob: Account) -> None:
    """Pins count in the conversation with oneself alone."""
    ada.send(BOB, "hello")
    assert texts(bob) == ["hello"]
    pin = Pin(bob._uid, (0, own_chain(bob).head.hash))
    forged(world, bob, ada, body={"type": "pins", "pins": [pin.to_json()]})

    assert texts(ada) == ["update-needed"]
    assert ada._state.all(Kind.EXPECTED) == []


def test_nor_is_a_device_that_was_removed(ada: Account, bob: Account, tablet: Account) -> None:
    """A thief of a device, with the service's help, could date a mark before its removal."""
    tablet.mark_verified(BOB)
    ada.devices.revoke(tablet._device.key.kid)

    assert texts(ada) == []

    assert ada._state.all(Kind.EXPECTED) == []
    assert ada._contacts.uid_of(BOB) is None
    assert not meet(ada, bob).is_verified()


def test_what_was_told_outlives_a_look_up_that_was_refused(
    world: World, ada: Account, bob: Account, tablet: Account
) -> None:
    """A service that first shows the true chain with a false key cannot show a false chain afterwards."""
    ada.mark_verified(BOB)
    assert texts(tablet) == []
    shown = world.service.accounts[BOB]
    true_key, shown["key"] = shown["key"], world.service.accounts[ADA]["key"]
    with pytest.raises(Unsafe):
        tablet.send(BOB, "hello")
    shown["key"] = true_key
    replace_keys(world, "bob")

    with pytest.raises(Unsafe) as stopped:
        tablet.send(BOB, "hello")

    assert stopped.value.code == "chain-fork"
    assert pin_of(tablet, bob).frozen is not None


def test_an_older_mark_does_not_stand_against_a_newer_one(
    world: World, bob: Account, tablet: Account
) -> None:
    old = own_chain(bob).head
    reset(world, bob)
    tablet.safety_number(BOB)
    assert tablet.mark_verified(BOB).verified

    tablet._contacts.take_pins([Pin(bob._uid, (0, old.hash), (old.root, 0, old.hash))])

    assert tablet.send(BOB, "hello").verified


def test_a_comparison_on_one_device_counts_on_the_other(
    world: World, ada: Account, bob: Account, tablet: Account
) -> None:
    ada.mark_verified(BOB)
    assert texts(tablet) == []
    meet(tablet, bob)
    reset(world, bob)
    for device in (ada, tablet):
        with pytest.raises(Unsafe):
            device.send(BOB, "hello")
    tablet.safety_number(BOB)
    tablet.mark_verified(BOB)

    assert texts(ada) == ["reset"]

    assert ada.send(BOB, "hello").verified
