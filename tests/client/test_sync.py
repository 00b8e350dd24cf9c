"""One person, two devices: each sees what the other sent, and knows whom the other knows."""

from collections.abc import Iterator

import httpx
import pytest

from sealpost.account import Account
from sealpost.contact import Contact
from sealpost.errors import DeviceNotActive, Unsafe
from sealpost.items import Message
from sealpost.protocol import encoding
from sealpost.protocol.body import Pin
from sealpost.protocol.identifiers import self_conversation
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.protocol.opening import OwnKey
from sealpost.state import Kind
from tests.client.devices import history_on, joined, own_chain, publish, removal, reset
from tests.client.fakes import World, problem, replace_keys, shown, texts
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


class TestMessages:
    def test_what_one_sends_the_other_shows_as_sent(
        self, ada: Account, bob: Account, tablet: Account
    ) -> None:
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
        self, world: World, ada: Account, bob: Account, tablet: Account
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
    def test_both_receive(self, ada: Account, bob: Account, tablet: Account) -> None:
        bob.send(ADA, "to both")

        assert texts(ada) == texts(tablet) == ["to both"]

    def test_what_came_before_a_device_joined_is_passed_over(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        bob.send(ADA, "before")
        with joined(world, ada) as tablet:
            mark = tablet._state.get(Kind.CAUGHT_UP)
            assert mark == {"sent_at": own_chain(tablet).times[1] * 10**6}  # not from the beginning
            tablet._state.delete(Kind.CAUGHT_UP)
            bob.send(ADA, "after")

            (item,) = tablet.inbox()

            assert isinstance(item, Message)
            assert (item.text, item.notices) == ("after", ())

    def test_later_it_is_named(self, world: World, ada: Account, bob: Account, tablet: Account) -> None:
        """Sealed for the first device alone, long after the second one joined."""
        bob.send(ADA, "to both")
        world.wall.ahead = 601
        forged(world, bob, ada, sent_at=int(world.wall.time() * 10**6))

        assert texts(tablet) == ["to both", "not-for-me"]

    def test_history_keys_bring_back_what_was_sent_before(
        self, world: World, ada: Account, bob: Account
    ) -> None:
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
    def test_pins_out_of_the_past_are_not_brought_back(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        """Much may have been accepted since: whom a device knows comes from the backup."""
        key = PrivateKey.generate(Use.ENCRYPTION)
        publish(world, ada, history_on(ada, 1, key))
        ada.mark_verified(BOB)
        (pins,) = world.service.documents

        assert tablet._reader.restore(pins, {key.kid: OwnKey(key, ada._uid, None)}) is None

        assert tablet._state.all(Kind.EXPECTED) == []
        assert tablet._contacts.uid_of(BOB) is None

    def test_a_removed_device_says_so(self, world: World, ada: Account, tablet: Account) -> None:
        publish(world, ada, removal(ada, tablet._device.key.kid))

        with pytest.raises(DeviceNotActive, match="was removed") as stopped:
            tablet.send(BOB, "too late")

        assert stopped.value.code == "device-not-active"
        with pytest.raises(DeviceNotActive):
            tablet.resume()


class TestPins:
    def test_a_new_contact_is_told(self, ada: Account, bob: Account, tablet: Account) -> None:
        ada.send(BOB, "hello")

        assert texts(tablet) == ["hello"]

        assert tablet._contacts.uid_of(BOB) == bob._uid
        assert not tablet.send(BOB, "and from here").renewed

    @pytest.mark.usefixtures("bob")
    def test_so_is_a_mark(self, ada: Account, tablet: Account) -> None:
        ada.mark_verified(BOB)

        assert texts(tablet) == []

        assert tablet.send(BOB, "hello").verified

    @pytest.mark.usefixtures("bob")
    def test_a_device_that_was_linked_is_told_of_everybody(self, world: World, ada: Account) -> None:
        ada.mark_verified(BOB)
        assert world.service.called("send_message") == []
        assert ada._contacts.expected.untold() == []  # there is nobody to tell
        with joined(world, ada) as tablet:
            ada.sync.tell_all()
            assert texts(tablet) == []

            assert tablet.safety_number(BOB).verified

    def test_a_reset_of_somebody_verified_elsewhere_stops_this_device_too(
        self, world: World, ada: Account, bob: Account, tablet: Account
    ) -> None:
        ada.mark_verified(BOB)
        assert texts(tablet) == []
        reset(world, bob)

        with pytest.raises(Unsafe) as stopped:
            tablet.send(BOB, "hello")

        assert stopped.value.code == "key-change"

    def test_so_does_one_that_the_other_device_has_not_accepted(
        self, world: World, ada: Account, bob: Account
    ) -> None:
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
        self, world: World, ada: Account, bob: Account, tablet: Account
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

    def test_so_they_do_where_both_are_pinned(
        self, world: World, ada: Account, bob: Account, tablet: Account
    ) -> None:
        real = dict(world.service.accounts[BOB])
        replace_keys(world, "bob")
        meet(tablet, bob)
        world.service.accounts[BOB].update(real)
        ada.mark_verified(BOB)

        assert texts(tablet) == []

        frozen = pin_of(tablet, bob).frozen
        assert frozen is not None
        assert frozen[0] == "chain-fork"

    def test_a_longer_chain_is_waited_for(
        self, world: World, ada: Account, bob: Account, tablet: Account
    ) -> None:
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
        self, world: World, ada: Account, bob: Account, tablet: Account
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
    def test_a_mark_that_fits_no_root_is_a_contradiction(self, bob: Account, tablet: Account) -> None:
        head = own_chain(bob).head
        tablet._contacts.take_pins([Pin(bob._uid, (0, head.hash), (encoding.digest("x"), 0, head.hash))])

        with pytest.raises(Unsafe) as stopped:
            meet(tablet, bob)

        assert stopped.value.code == "chain-fork"

    def test_two_devices_that_tell_of_one_person_are_both_heard(
        self, world: World, bob: Account, tablet: Account
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
        self, world: World, bob: Account, tablet: Account
    ) -> None:
        tablet.send(BOB, "hello")
        with world.person("eve") as eve:
            tablet._contacts.take_pins([Pin(eve._uid, (0, own_chain(eve).head.hash), addresses=(BOB,))])
            assert tablet._contacts.book.addresses_of(eve._uid) == []

        assert tablet._contacts.uid_of(BOB) == bob._uid

    @pytest.mark.usefixtures("bob")
    def test_an_address_that_leads_elsewhere_for_this_device_stops_a_send(
        self, world: World, ada: Account, tablet: Account
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
        self, world: World, ada: Account, tablet: Account
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
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        world.wall.ahead = 31 * 86400
        ada.inbox()
        ada.mark_verified(BOB)
        assert world.service.documents == []

        assert texts(tablet) == []
        ada.inbox()
        assert texts(tablet) == []

        assert tablet.safety_number(BOB).verified

    def test_nobody_else_is_believed(self, world: World, ada: Account, bob: Account) -> None:
        """Pins count in the conversation with oneself alone."""
        ada.send(BOB, "hello")
        assert texts(bob) == ["hello"]
        pin = Pin(bob._uid, (0, own_chain(bob).head.hash))
        forged(world, bob, ada, body={"type": "pins", "pins": [pin.to_json()]})

        assert texts(ada) == ["update-needed"]
        assert ada._state.all(Kind.EXPECTED) == []

    def test_an_older_mark_does_not_stand_against_a_newer_one(
        self, world: World, bob: Account, tablet: Account
    ) -> None:
        old = own_chain(bob).head
        reset(world, bob)
        tablet.safety_number(BOB)
        assert tablet.mark_verified(BOB).verified

        tablet._contacts.take_pins([Pin(bob._uid, (0, old.hash), (old.root, 0, old.hash))])

        assert tablet.send(BOB, "hello").verified

    def test_a_comparison_on_one_device_counts_on_the_other(
        self, world: World, ada: Account, bob: Account, tablet: Account
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
