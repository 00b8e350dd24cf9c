"""One person, two devices: each sees what the other sent, and what came before it joined if there is a history."""

from collections.abc import Iterator

import pytest

from sealpost.account import Account
from sealpost.errors import DeviceNotActive
from sealpost.items import Message
from sealpost.protocol import acts
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.protocol.opening import OwnKey
from sealpost.protocol.statements import Backup
from sealpost.state import Kind
from tests.client.devices import history_on, joined, own_chain, publish, removal
from tests.client.fakes import World, shown, texts
from tests.client.peers import forged

ADA = "ada@example.org"
BOB = "bob@example.org"


@pytest.fixture
def tablet(world: World, ada: Account) -> Iterator[Account]:
    """Ada's second device, which was told of nobody yet."""
    with joined(world, ada) as account:
        yield account


def test_what_one_sends_the_other_shows_as_sent(ada: Account, bob: Account, tablet: Account) -> None:
    receipt = tablet.send(BOB, "from the tablet")

    (item,) = ada.inbox()

    assert isinstance(item, Message)
    assert (item.text, item.outgoing, item.peer, item.id) == (
        "from the tablet",
        True,
        bob._uid,
        receipt.message_id,
    )
    assert ada.inbox() == []
    assert texts(bob) == ["from the tablet"]


def test_the_other_side_is_looked_up_where_only_the_other_device_knows_it(
    world: World, ada: Account, bob: Account, tablet: Account
) -> None:
    """Bob made the conversation, and Ada's computer has never heard of him."""
    bob.send(ADA, "hello")
    assert texts(tablet) == ["hello"]
    tablet.send(BOB, "hello Bob")
    documents = world.service.documents
    world.service.documents = [one for one in documents if one.sender_device == tablet._device.key.kid]

    assert texts(ada) == ["hello Bob"]
    assert {item.peer for item in ada.history() if isinstance(item, Message)} == {bob._uid}


@pytest.mark.usefixtures("world")
def test_both_receive(ada: Account, bob: Account, tablet: Account) -> None:
    bob.send(ADA, "to both")

    assert texts(ada) == texts(tablet) == ["to both"]


def test_what_came_before_a_device_joined_is_passed_over(world: World, ada: Account, bob: Account) -> None:
    bob.send(ADA, "before")
    with joined(world, ada) as tablet:
        mark = tablet._state.get(Kind.CAUGHT_UP)
        assert mark == {"sent_at": own_chain(tablet).times[1] * 10**6}  # not from the beginning
        tablet._state.delete(Kind.CAUGHT_UP)
        bob.send(ADA, "after")

        (item,) = tablet.inbox()

        assert isinstance(item, Message)
        assert (item.text, item.notices) == ("after", ())


def test_later_it_is_named(world: World, ada: Account, bob: Account, tablet: Account) -> None:
    """Sealed for the first device alone, long after the second one joined."""
    bob.send(ADA, "to both")
    world.wall.ahead = 601
    forged(world, bob, ada, sent_at=int(world.wall.time() * 10**6))

    assert texts(tablet) == ["to both", "not-for-me"]


def test_history_keys_bring_back_what_was_sent_before(world: World, ada: Account, bob: Account) -> None:
    key = PrivateKey.generate(Use.ENCRYPTION)
    publish(world, ada, history_on(ada, 1, key))
    ada._contacts.find(uids=[ada._uid])
    bob.send(ADA, "one")
    ada.send(BOB, "two")
    documents = list(world.service.documents)
    with joined(world, ada) as tablet:
        bob.send(ADA, "three")
        assert texts(tablet) == ["three"]
        keys = {key.kid: OwnKey(key, ada._uid, None)}

        restored = [tablet._reader.restore(document, keys) for document in documents]

        assert [shown(item) for item in restored if item is not None] == ["one", "two"]
        assert tablet._reader.restore(documents[0], keys) is None
        assert [shown(item) for item in tablet.history()] == ["one", "two", "three"]
        assert tablet.inbox() == []


@pytest.mark.usefixtures("bob")
@pytest.mark.usefixtures("bob")
def test_pins_out_of_the_past_are_not_brought_back(world: World, ada: Account, tablet: Account) -> None:
    """Much may have been accepted since: whom a device knows comes from the backup."""
    key = PrivateKey.generate(Use.ENCRYPTION)
    publish(world, ada, history_on(ada, 1, key))
    ada.mark_verified(BOB)
    (pins,) = world.service.documents

    assert tablet._reader.restore(pins, {key.kid: OwnKey(key, ada._uid, None)}) is None

    assert tablet._state.all(Kind.EXPECTED) == []
    assert tablet._contacts.uid_of(BOB) is None


def test_a_chain_that_is_dated_ahead_hides_nothing(world: World, ada: Account, bob: Account) -> None:
    own, key, ahead = own_chain(ada), PrivateKey.generate(Use.ENCRYPTION), int(world.wall.time()) + 10**8
    announced = acts.set_history_key(own, key.public, Backup(1, "A" * 43), ada._device.key, ahead)
    publish(world, ada, announced)
    ada._contacts.find(uids=[ada._uid])
    with joined(world, ada) as tablet:
        bob.send(ADA, "now")

        assert texts(tablet) == ["now"]


def test_what_has_not_been_read_yet_stays_new(
    world: World, ada: Account, bob: Account, tablet: Account
) -> None:
    """What this device's own keys open is brought by the inbox, pins and all, whatever is restored before."""
    key = PrivateKey.generate(Use.ENCRYPTION)
    publish(world, ada, history_on(ada, 1, key))
    ada.mark_verified(BOB)
    bob.send(ADA, "unread")

    restored = [
        tablet._reader.restore(document, {key.kid: OwnKey(key, ada._uid, None)})
        for document in world.service.documents
    ]

    assert restored == [None, None]
    assert texts(tablet) == ["history-on", "unread"]
    assert tablet.safety_number(BOB).verified


def test_a_removed_device_says_so(world: World, ada: Account, tablet: Account) -> None:
    publish(world, ada, removal(ada, tablet._device.key.kid))

    with pytest.raises(DeviceNotActive, match="was removed") as stopped:
        tablet.send(BOB, "too late")

    assert stopped.value.code == "device-not-active"
    with pytest.raises(DeviceNotActive):
        tablet.resume()
