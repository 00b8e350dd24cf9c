"""The service comes back from a backup. Whoever was there before sends and reads again, and nobody is alarmed."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import NotSignedIn, ServiceProblem, ServiceUnavailable, Unsafe
from sealpost.protocol.envelope import Outer
from tests.client.devices import history_on, joined, publish, removal, reset
from tests.client.fakes import World, claims, problem, texts
from tests.client.fakes.restores import Backup

ADA, BOB = "ada@example.org", "bob@example.org"
A_DAY = 20 * 3600


@pytest.fixture
def tablet(world: World, bob: Account) -> Iterator[Account]:
    with joined(world, bob) as account:
        yield account


def later(world: World, seconds: float = A_DAY) -> None:
    """Access tokens have ended by then, so that each device renews its session first."""
    world.wall.ahead += seconds


def restored(world: World, backup: Backup) -> None:
    later(world)
    world.service.restore(backup)


def renew(account: Account) -> None:
    """As the device does before it reads."""
    account._session.renew()


def key_numbers(world: World) -> list[int]:
    published = world.service.called("publish_key")
    return [claims(body["encryption_key"])["n"] for body in published if body["encryption_key"]]


@pytest.mark.usefixtures("talking")
class TestKeys:
    def test_each_publishes_again_and_they_write_on(self, world: World, ada: Account, bob: Account) -> None:
        backup = world.service.back_up()
        restored(world, backup)
        renew(bob)
        ada.send(BOB, "again")
        assert texts(bob) == ["again"]
        bob.send(ADA, "and back")
        assert texts(ada) == ["and back"]
        assert world.alarms == []

    def test_who_was_not_there_since_is_waited_for_and_nothing_is_lost(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        restored(world, world.service.back_up())
        with pytest.raises(ServiceProblem, match="was not here since") as refused:
            ada.send(BOB, "waiting")
        assert refused.value.code == "restored"
        assert "Nothing is lost" in refused.value.cure
        assert "--resume" in refused.value.cure
        assert ada.waiting() == 1
        renew(bob)
        world.service.before["send_message"] = mismatch_once()
        (receipt,) = ada.resume()
        assert receipt.to == BOB
        assert texts(bob) == ["waiting"]
        assert world.alarms == []

    def test_a_session_that_is_still_good_publishes_when_it_is_told_so(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        """Nobody has renewed a session: the refusal of the message is the first that this device hears of it."""
        world.service.restore(world.service.back_up())
        world.service.accounts[BOB]["restored"].clear()
        sent_before = len(world.service.called("send_message"))
        ada.send(BOB, "again")
        first, second = world.service.called("send_message")[sent_before:]
        assert first == second
        assert texts(bob) == ["again"]

    def test_a_device_publishes_above_every_key_that_it_ever_tried(self, world: World, ada: Account) -> None:
        backup = world.service.back_up()
        later(world, 8 * 86_400)
        world.service.lose["publish_key"] = 9
        with pytest.raises(ServiceUnavailable):
            ada.send(BOB, "the answer is lost")
        world.service.lose.clear()
        tried = max(key_numbers(world))
        world.service.restore(backup)
        later(world, 1_000)
        renew(ada)
        assert (tried, key_numbers(world)[-1]) == (2, 3)

    def test_a_service_that_asks_for_ever_is_given_one_key_and_the_person_is_told(
        self, world: World, ada: Account
    ) -> None:
        before = len(key_numbers(world))
        world.service.before["send_message"] = lambda _: problem(409, "restored", uids=[ada._uid])
        with pytest.raises(ServiceProblem):
            ada.send(BOB, "hi")
        assert len(key_numbers(world)) == before + 1
        assert ada.waiting() == 1

    def test_a_device_that_has_not_published_is_left_out_when_the_service_says_so(
        self, world: World, ada: Account, bob: Account, tablet: Account
    ) -> None:
        ada.send(BOB, "to both")
        backup = world.service.back_up()
        restored(world, backup)
        renew(bob)
        world.service.before["send_message"] = mismatch_once()
        ada.send(BOB, "to one")
        *_, with_both, with_one = (
            set(Outer.parse(body["envelope"]).kids) for body in world.service.called("send_message")
        )
        kids = {device: {key.kid for key in device._device._keys()} for device in (bob, tablet)}
        assert with_both & kids[tablet]
        assert with_one & kids[bob]
        assert not with_one & kids[tablet]


@pytest.mark.usefixtures("talking")
class TestChains:
    def test_a_contact_gives_back_what_it_has_seen(
        self, world: World, ada: Account, bob: Account, tablet: Account
    ) -> None:
        publish(world, bob, history_on(bob))
        world.service.accounts[BOB]["statements"].pop()
        backup = world.service.back_up()
        lost = history_on(bob)
        publish(world, bob, lost)
        ada.send(BOB, "seen")
        restored(world, backup)
        for device in (bob, tablet):
            renew(device)
        ada.send(BOB, "still here")
        assert world.service.called("resubmit_statements")[0] == {"uid": bob._uid, "statements": [lost]}
        assert world.service.accounts[BOB]["statements"][-1] == lost
        assert texts(bob)[-1] == "still here"
        assert world.alarms == []

    def test_a_lost_device_comes_back_by_itself(self, world: World, ada: Account, bob: Account) -> None:
        backup = world.service.back_up()
        with joined(world, bob) as tablet:
            ada.send(BOB, "to both")
            assert texts(tablet)[-1] == "to both"
            restored(world, backup)
            renew(tablet)
            assert len(world.service.accounts[BOB]["statements"]) == 2
            assert world.service.accounts[BOB]["restored"] == {bob._device.key.kid}
            renew(bob)
            ada.send(BOB, "again")
            assert texts(tablet)[-1] == texts(bob)[-1] == "again"
        assert world.alarms == []

    def test_a_lost_device_is_brought_back_by_a_contact_and_publishes(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        backup = world.service.back_up()
        with joined(world, bob) as tablet:
            ada.send(BOB, "to both")
            restored(world, backup)
            renew(bob)
            ada.send(BOB, "after")
            renew(tablet)
            ada.send(BOB, "again")
            assert texts(tablet)[-1] == "again"
        assert world.alarms == []

    def test_ones_own_other_device_gives_back_what_it_has_seen(
        self, world: World, ada: Account, bob: Account, tablet: Account
    ) -> None:
        ada.send(BOB, "to both")
        backup = world.service.back_up()
        publish(world, bob, removal(bob, tablet._device.key.kid))
        bob._contacts.find(uids=[bob._uid])
        restored(world, backup)
        renew(bob)
        assert claims(world.service.accounts[BOB]["statements"][-1])["act"] == "revoke-device"
        with pytest.raises(NotSignedIn):
            renew(tablet)

    def test_a_lost_beginning_comes_back_with_the_next_key(self, world: World, ada: Account) -> None:
        Account.sign_up(  # Carol has signed in once, and published nothing yet
            "carol@example.org",
            service=ada.service.url,
            folder=world.folder("x"),
            new_passphrase=lambda: "a passphrase",
            passphrase=lambda: "a passphrase",
            surroundings=world.around("carol"),
        ).close()
        backup = world.service.back_up()
        with world.person("carol") as carol:
            ada.send("carol@example.org", "hello")
            first = world.service.accounts["carol@example.org"]["statements"][0]
            restored(world, backup)
            renew(carol)
            assert world.service.accounts["carol@example.org"]["statements"] == [first]
            assert key_numbers(world)[-1] == 2
            ada.send("carol@example.org", "again")
            assert texts(carol)[-1] == "again"
        assert world.alarms == []

    def test_a_lost_reset_alarms_nobody_and_waits_for_its_device(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        backup = world.service.back_up()
        lost = reset(world, bob)
        ada._contacts.find(uids=[bob._uid])
        kept = world.service.accounts[BOB]["statements"][-1]
        restored(world, backup)
        with pytest.raises(Unsafe) as refused:
            ada.send(BOB, "hi")
        assert refused.value.code == "chain-rollback"
        contact = ada._contacts.pinned(bob._uid)
        assert contact is not None
        assert contact.frozen is None
        world.service.accounts[BOB]["statements"].append(kept)
        ada._contacts.find(uids=[bob._uid])
        assert contact.chain.devices.keys() >= {lost.kid}

    def test_a_lost_reset_comes_back_from_its_own_device(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        with world.person("bob-2") as tablet:
            backup = world.service.back_up()
            tablet.devices.reset()
            ada.send(BOB, "to the new device")
            restored(world, backup)
            with pytest.raises(Unsafe):
                ada.send(BOB, "too early")
            renew(tablet)
            ada.send(BOB, "again")
            assert texts(tablet)[-1] == "again"
            with pytest.raises(NotSignedIn):
                renew(bob)
        assert world.alarms == []

    @pytest.mark.parametrize("how", ["no restore", "long before", "refused", "not taken"])
    def test_what_the_service_does_not_take_back_is_a_rollback_as_ever(
        self, world: World, ada: Account, bob: Account, how: str
    ) -> None:
        account = world.service.accounts[BOB]
        publish(world, bob, history_on(bob))
        ada.send(BOB, "seen")
        account["statements"].pop()
        if how == "long before":
            world.service.lost = [(0.0, world.wall.time() - 3_600)]
        if how == "refused":
            world.service.before["resubmit_statements"] = lambda _: problem(404, "not-found")
        if how == "not taken":
            world.service.before["resubmit_statements"] = lambda _: httpx.Response(200, json={"head": None})
        with pytest.raises(Unsafe) as refused:
            ada.send(BOB, "hi")
        assert refused.value.code == "chain-rollback"
        contact = ada._contacts.pinned(bob._uid)
        assert contact is not None
        assert contact.frozen is not None
        assert contact.frozen[0] == "chain-rollback"

    @pytest.mark.parametrize(("status", "code"), [(429, "rate-limited"), (403, "forbidden")])
    def test_nobody_is_frozen_while_the_service_cannot_take_it(
        self, world: World, ada: Account, bob: Account, status: int, code: str
    ) -> None:
        backup = world.service.back_up()
        publish(world, bob, history_on(bob))
        ada.send(BOB, "seen")
        restored(world, backup)
        renew(bob)
        world.service.before["resubmit_statements"] = lambda _: problem(status, code)
        with pytest.raises(ServiceProblem) as refused:
            ada.send(BOB, "hi")
        assert refused.value.code == code
        world.service.before.clear()
        ada.send(BOB, "hi")

    def test_another_history_that_is_shorter_is_given_nothing(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        account, other = world.service.accounts[BOB], history_on(bob)
        for _ in range(2):
            publish(world, bob, history_on(bob, n=2))
            bob._contacts.find(uids=[bob._uid])
        ada.send(BOB, "seen")
        account["statements"][1:] = [other]
        with pytest.raises(Unsafe) as refused:
            ada.send(BOB, "hi")
        assert refused.value.code == "chain-rollback"
        assert world.service.called("resubmit_statements") == []


@pytest.mark.usefixtures("talking")
class TestConversations:
    def test_a_lost_one_comes_back_by_its_own_statement_whoever_writes_first(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        (cid,) = world.service.conversations
        made = list(world.service.conversations[cid])
        backup = world.service.back_up()
        backup.conversations.clear()
        backup.documents.clear()
        restored(world, backup)
        renew(ada)
        bob.send(ADA, "first")  # Ada made it
        assert world.service.conversations[cid] == made
        assert texts(ada) == ["first"]
        ada.send(BOB, "second")
        assert texts(bob) == ["second"]
        assert world.alarms == []

    def test_another_one_in_its_place_is_refused(self, world: World, ada: Account) -> None:
        (cid,) = world.service.conversations
        world.service.before["send_message"] = lambda _: problem(403, "not-a-member")
        world.service.before["create_conversation"] = lambda _: httpx.Response(
            200, json={"conversation_id": cid, "statements": ["a.b.c"], "created": False}
        )
        with pytest.raises(Unsafe) as refused:
            ada.send(BOB, "hi")
        assert refused.value.code == "chain-fork"
        assert ada.waiting() == 0

    def test_who_was_left_out_is_told_so(self, world: World, ada: Account) -> None:
        world.service.before["send_message"] = lambda _: problem(403, "not-a-member")
        with pytest.raises(ServiceProblem) as refused:
            ada.send(BOB, "hi")
        assert refused.value.code == "not-a-member"
        assert len(world.service.called("create_conversation")) == 2


def mismatch_once() -> Any:
    left = [problem(409, "device-mismatch", missing=[], extra=[], expired=[], heads={})]
    return lambda _body: left.pop() if left else None
