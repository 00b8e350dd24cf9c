"""What people's key chains gain is shown once; a reset stops what was verified until the person has looked."""

import pytest

from sealpost.account import Account
from sealpost.changes import Change
from sealpost.errors import ServiceUnavailable, Unsafe, UsageError
from sealpost.protocol import acts
from sealpost.protocol.body import Pin
from sealpost.protocol.identifiers import direct_conversation
from sealpost.protocol.jwk import PrivateKey, Use
from tests.client.devices import history_off, history_on, joined, own_chain, publish, removal, reset
from tests.client.fakes import World, shown, texts
from tests.client.peers import forged

BOB = "bob@example.org"


def refused(ada: Account, text: str = "not to be sent") -> str:
    with pytest.raises(Unsafe) as stopped:
        ada.send(BOB, text)
    return stopped.value.code


def look(ada: Account, bob: Account) -> None:
    ada._contacts.find(uids=[bob._uid])


@pytest.mark.usefixtures("talking")
class TestChanges:
    def test_each_is_shown_once_and_stays_in_the_history(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        with joined(world, bob) as second:
            publish(world, bob, removal(bob, second._device.key.kid))
        look(ada, bob)

        assert texts(ada) == ["device-added", "device-removed"]
        assert texts(ada) == []
        kept = [item for item in ada.history() if isinstance(item, Change)]
        assert [(one.peer, one.address, one.own) for one in kept] == [(bob._uid, BOB, False)] * 2
        assert kept[0].text == f"{BOB} added a device."

    def test_a_listener_shows_them_before_the_message_that_brought_them(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        with joined(world, bob) as second:
            second.send("ada@example.org", "from my tablet")

        heard = [shown(item) for item in ada.listen(timeout=0)]

        assert heard == ["device-added", "from my tablet"]
        assert texts(ada) == []

    def test_one_that_was_not_marked_comes_again(self, world: World, ada: Account, bob: Account) -> None:
        publish(world, bob, history_on(bob))
        look(ada, bob)
        assert [shown(item) for item in ada.inbox(mark=False)] == ["history-on"]

        (item,) = ada.inbox(mark=False)
        ada.mark_shown(item)

        assert ada.inbox() == []

    def test_another_backup_of_the_same_history_key_is_none(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        key = PrivateKey.generate(Use.ENCRYPTION)
        for n in (1, 2):
            publish(world, bob, history_on(bob, n, key))
            look(bob, bob)
        for _ in range(2):
            publish(world, bob, history_off(bob))
            look(bob, bob)
        look(ada, bob)

        assert texts(ada) == ["history-on", "history-off"]

    def test_that_a_stranger_keeps_a_history_is_said_at_first_sight(self, world: World, bob: Account) -> None:
        publish(world, bob, history_on(bob))
        with world.person("eve") as eve:
            eve.send(BOB, "hello")

            (change,) = [item for item in eve.inbox() if isinstance(item, Change)]

        assert (change.act, change.peer) == ("history-on", bob._uid)

    def test_a_message_for_a_history_has_its_key_among_its_recipients(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        key = PrivateKey.generate(Use.ENCRYPTION)
        publish(world, bob, history_on(bob, 1, key))

        ada.send(BOB, "kept")

        assert key.kid in world.service.documents[-1].envelope

    def test_a_device_that_was_removed_is_no_recipient(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        with joined(world, bob) as second:
            look(ada, bob)
            kid = next(iter(second._device.receiving_keys()))
            publish(world, bob, removal(bob, second._device.key.kid))
        ada.send(BOB, "for one")

        assert kid not in world.service.documents[-1].envelope


@pytest.mark.usefixtures("talking")
class TestReset:
    def test_of_an_unverified_person_is_shown_and_warned_of_once(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        reset(world, bob)

        assert ada.send(BOB, "to the new keys").renewed

        assert not ada.send(BOB, "again").renewed
        (change,) = [item for item in ada.inbox() if isinstance(item, Change)]
        assert change.act == "reset"
        assert f"sealpost verify {BOB}" in change.text

    def test_of_a_verified_one_stops_sending_until_it_is_accepted(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.mark_verified(BOB)
        reset(world, bob)
        before = len(world.service.called("send_message"))
        assert refused(ada) == "key-change"
        assert refused(ada) == "key-change"
        assert len(world.service.called("send_message")) == before
        (change,) = [item for item in ada.inbox() if isinstance(item, Change)]
        assert f"sealpost accept {BOB}" in change.text

        ada.accept(BOB)

        receipt = ada.send(BOB, "accepted")
        assert (receipt.verified, receipt.renewed) == (False, False)
        with pytest.raises(UsageError):
            ada.accept(BOB)

    def test_a_second_one_after_the_first_was_accepted_is_shown_and_warned_of(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.mark_verified(BOB)
        reset(world, bob)
        look(ada, bob)
        ada.accept(BOB)
        reset(world, bob)

        assert ada.send(BOB, "to whom it may concern").renewed

    def test_a_new_comparison_lifts_it(self, world: World, ada: Account, bob: Account) -> None:
        old = ada.mark_verified(BOB)
        reset(world, bob)
        assert refused(ada) == "key-change"

        new = ada.safety_number(BOB)
        assert new.digits != old.digits
        assert not new.verified
        assert ada.mark_verified(BOB).verified

        assert ada.send(BOB, "compared").verified

    def test_a_root_that_is_pinned_no_more_is_not_vouched_for(
        self, world: World, ada: Account, bob: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = ada.safety_number(BOB)
        reset(world, bob)
        look(ada, bob)

        assert not ada._contacts.vouch(bob._uid, number.root)

        monkeypatch.setattr(
            ada._contacts, "vouch", lambda *_: False
        )  # as if the reset came while it was marked
        ada.safety_number(BOB)
        with pytest.raises(Unsafe):
            ada.mark_verified(BOB)
        assert not ada.safety_number(BOB).verified

    @pytest.mark.parametrize("seen", [True, False])
    def test_a_number_is_marked_only_if_it_was_shown(
        self, world: World, ada: Account, bob: Account, *, seen: bool
    ) -> None:
        """The person compares what they see; a reset that comes with the mark's own look-up is not that."""
        if seen:
            ada.safety_number(BOB)
        reset(world, bob)

        with pytest.raises(Unsafe) as stopped:
            ada.mark_verified(BOB)

        assert stopped.value.code == "key-change"
        assert not ada.safety_number(BOB).verified

    def test_nothing_is_sealed_again_across_it(self, world: World, ada: Account, bob: Account) -> None:
        world.service.lose["send_message"] = 99
        with pytest.raises(ServiceUnavailable):
            ada.send(BOB, "its answer is lost")
        world.service.lose.clear()
        reset(world, bob)
        look(ada, bob)
        before = len(world.service.called("send_message"))

        with pytest.raises(Unsafe) as stopped:
            ada.resume()

        assert stopped.value.code == "key-change"
        assert (len(world.service.called("send_message")), ada.waiting()) == (before, 0)

    def test_nor_sent_again_where_another_device_had_verified_the_old_keys(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        old = own_chain(bob).head
        reset(world, bob)
        world.service.lose["send_message"] = 99
        with pytest.raises(ServiceUnavailable):
            ada.send(BOB, "its answer is lost")
        world.service.lose.clear()
        ada._contacts.take_pins([Pin(bob._uid, (old.seq, old.hash), (old.root, old.seq, old.hash))])
        before = len(world.service.called("send_message"))

        with pytest.raises(Unsafe) as stopped:
            ada.resume()

        assert stopped.value.code == "key-change"
        assert (len(world.service.called("send_message")), ada.waiting()) == (before, 0)

    def test_a_message_of_the_old_device_after_it_is_refused(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        bob.send("ada@example.org", "before")
        assert texts(ada) == ["before"]
        reset(world, bob)
        look(ada, bob)
        later = int((world.wall.time() + 2) * 1_000_000)
        forged(world, bob, ada, heads=heads(ada, bob), sent_at=later)

        assert texts(ada) == ["reset", "revoked-device"]

    def test_a_forged_one_freezes(self, world: World, ada: Account, bob: Account) -> None:
        """It says that it is another device's than the one that signed it."""
        statement = acts.reset(own_chain(bob), PrivateKey.generate(Use.SIGNING), 0)
        header, payload, signature = statement.split(".")
        publish(
            world, bob, ".".join((header, payload, ("B" if signature[0] == "A" else "A") + signature[1:]))
        )

        assert refused(ada) == "bad-signature"
        assert texts(ada) == []


def heads(*accounts: Account) -> dict[str, list[object]]:
    return {account._uid: [own_chain(account).head.seq, own_chain(account).head.hash] for account in accounts}


@pytest.mark.usefixtures("talking")
def test_an_address_in_a_command_is_quoted(world: World, ada: Account, bob: Account) -> None:
    """What may stand in an address is a command to a shell, and hints are copied."""
    address = "bob`id`|sh@example.org"
    verify, accept = (f"sealpost {command} '{address}'" for command in ("verify", "accept"))
    world.service.accounts[address] = world.service.accounts[BOB]
    ada.safety_number(address)
    ada.mark_verified(address)
    reset(world, bob)

    with pytest.raises(Unsafe) as stopped:
        ada.send(address, "hello")

    assert verify in stopped.value.cure
    assert accept in stopped.value.cure
    with pytest.raises(Unsafe) as stopped:
        ada.mark_verified(address)
    assert verify in stopped.value.cure
    (change,) = ada._contacts.changes.all(new=True)
    assert verify in change.text
    ada.accept(address)
    with pytest.raises(UsageError) as refused:
        ada.accept(address)
    assert verify in refused.value.cure


def test_the_conversation_outlives_a_reset(world: World, ada: Account, bob: Account) -> None:
    reset(world, bob)
    ada.send(BOB, "after")

    assert world.service.documents[-1].cid == direct_conversation(ada._uid, bob._uid)
