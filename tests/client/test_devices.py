"""A person's devices come to be known, go, and begin anew."""

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import (
    DeviceNotActive,
    NotSignedIn,
    SealpostError,
    ServiceProblem,
    ServiceUnavailable,
    Unsafe,
    UsageError,
)
from sealpost.joining import Request
from tests.client.devices import history_on, joined, own_chain, publish, removal
from tests.client.fakes import Json, World, claims, problem, shown, texts

ADA, BOB = "ada@example.org", "bob@example.org"
CODE = "code-code-code-code"


@pytest.fixture
def tablet(world: World, ada: Account) -> Account:
    """Ada's second device, linked."""
    return joined(world, ada)


@pytest.fixture
def newcomer(world: World, ada: Account) -> Account:
    """Ada's second device, pending."""
    return world.person("ada-2")


def nobody(_request: Request) -> None:
    pytest.fail("there is nothing to link")


def state_of(account: Account) -> str:
    device = account.whoami().device
    assert device is not None
    return device.state


class TestList:
    def test_it_tells_this_one_from_others_and_living_from_removed(
        self, ada: Account, tablet: Account
    ) -> None:
        first, second = ada.devices.all()
        assert (first.id, first.is_this, first.removed_at) == (ada._device.key.kid, True, None)
        assert (second.id, second.is_this, second.removed_at) == (tablet._device.key.kid, False, None)

        ada.devices.revoke(second.id)

        assert [entry.removed_at is None for entry in ada.devices.all()] == [True, False]

    def test_a_device_that_is_not_linked_knows_none(self, newcomer: Account) -> None:
        with pytest.raises(DeviceNotActive):
            newcomer.devices.all()


class TestRemoval:
    def test_what_comes_after_it_is_not_sealed_for_the_removed_one(
        self, world: World, ada: Account, bob: Account, tablet: Account
    ) -> None:
        bob.send(ADA, "to both")
        assert texts(ada) == texts(tablet) == ["to both"]
        world.wall.ahead = 2
        removed = ada.devices.revoke(tablet._device.key.kid[:6])
        assert (removed.id, removed.is_this) == (tablet._device.key.kid, False)

        bob.send(ADA, "to one")

        assert texts(ada) == ["to one"]
        sealed = world.service.documents[-1].envelope
        assert not any(kid in sealed for kid in tablet._device.receiving_keys())

    def test_the_removed_one_says_so_and_keeps_what_it_has(
        self, ada: Account, bob: Account, tablet: Account
    ) -> None:
        bob.send(ADA, "kept")
        texts(tablet)
        ada.devices.revoke(tablet._device.key.kid)

        with pytest.raises(NotSignedIn):
            tablet.send(BOB, "no more")
        with pytest.raises(DeviceNotActive) as removed:
            tablet.sign_in(CODE)

        assert "was removed" in str(removed.value)
        assert not tablet.whoami().signed_in
        assert state_of(tablet) == "removed"
        for act in (tablet.inbox, lambda: tablet.send(BOB, "no more")):
            with pytest.raises(DeviceNotActive):
                act()
        assert [shown(item) for item in tablet.history()] == ["kept"]
        assert tablet._device.receiving_keys()

    def test_this_one_goes_only_when_that_is_meant(self, ada: Account, tablet: Account) -> None:
        with pytest.raises(UsageError):
            ada.devices.revoke(ada._device.key.kid)
        assert state_of(ada) == "active"

        assert ada.devices.revoke(ada._device.key.kid, even_this=True).is_this

        assert state_of(ada) == "removed"
        assert not ada.whoami().signed_in
        with pytest.raises(DeviceNotActive):
            ada.inbox()
        assert [entry.is_this for entry in ada.devices.all()] == [True, False]
        tablet.devices.all()
        assert texts(tablet) == ["device-removed"]

    def test_ones_own_removal_whose_answer_was_lost_is_not_taken_for_done(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        world.service.lose["publish_key"] = 1

        with pytest.raises(NotSignedIn) as uncertain:
            ada.devices.revoke(ada._device.key.kid, even_this=True)

        assert "sealpost devices" in uncertain.value.cure
        assert tablet.devices.all()[0].removed_at is not None

    @pytest.mark.parametrize("prefix", ["", "no such device"])
    def test_a_device_that_there_is_not_is_not_removed(self, ada: Account, prefix: str) -> None:
        with pytest.raises(UsageError) as refused:
            ada.devices.revoke(prefix, even_this=True)

        assert "sealpost devices" in refused.value.cure
        assert state_of(ada) == "active"

    def test_which_one_must_be_clear(self, ada: Account, tablet: Account) -> None:
        first, second = ada._device.key.kid, tablet._device.key.kid
        assert first[:1] == second[:1] or ada.devices.revoke(second[:1]).id == second

        with pytest.raises(UsageError) as refused:
            ada.devices.revoke(second)
        assert "removed before" in str(refused.value)

    def test_a_removal_that_another_device_made_meanwhile_is_not_made_again(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        def faster(_body: Json) -> None:
            world.service.before.clear()
            publish(world, ada, removal(ada, tablet._device.key.kid))

        world.service.before["publish_key"] = faster

        with pytest.raises(UsageError) as refused:
            ada.devices.revoke(tablet._device.key.kid)

        assert "removed before" in str(refused.value)
        assert len(own_chain(ada).active_devices) == 1

    @pytest.mark.parametrize("code", ["rate-limited", "invalid-request"])
    def test_a_second_refusal_is_told_as_it_is(
        self, world: World, ada: Account, tablet: Account, code: str
    ) -> None:
        head = own_chain(ada).head.to_json()
        refusals = [problem(400, code), problem(409, "chain-conflict", head=head)]
        world.service.before["publish_key"] = lambda _body: refusals.pop()

        with pytest.raises(ServiceProblem) as refused:
            ada.devices.revoke(tablet._device.key.kid)

        assert refused.value.code == code
        assert "twice" not in str(refused.value)

    def test_a_removed_device_removes_nobody(self, world: World, ada: Account, tablet: Account) -> None:
        publish(world, ada, removal(ada, tablet._device.key.kid))

        with pytest.raises(DeviceNotActive):
            tablet.devices.revoke(ada._device.key.kid)

        assert len(world.service.called("publish_key")) == 2

    def test_a_removal_still_makes_sense_after_another_act(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        def faster(_body: Json) -> None:
            world.service.before.clear()
            publish(world, ada, history_on(ada))

        world.service.before["publish_key"] = faster

        assert ada.devices.revoke(tablet._device.key.kid).history_ended

        assert own_chain(ada).head.seq == 3


class TestReset:
    def test_a_new_device_begins_anew(self, ada: Account, bob: Account, newcomer: Account) -> None:
        ada.send(BOB, "before")
        assert texts(bob) == ["before"]

        newcomer.devices.reset()

        assert state_of(newcomer) == "active"
        assert newcomer.send(BOB, "anew").first
        assert texts(bob) == ["reset", "anew"]
        bob.send(ADA, "welcome back")
        assert texts(newcomer) == ["welcome back"]
        with pytest.raises(NotSignedIn):
            ada.send(BOB, "not from here")

    def test_one_that_waits_goes_through_when_it_is_due(self, world: World, newcomer: Account) -> None:
        due = int(world.wall.time()) + 86_400
        world.service.before["publish_key"] = lambda _body: problem(409, "reset-delayed", due_at=due)

        with pytest.raises(ServiceProblem) as delayed:
            newcomer.devices.reset()

        assert delayed.value.code == "reset-delayed"
        assert delayed.value.members["due_at"] == due
        assert "can veto it" in str(delayed.value)
        assert state_of(newcomer) == "pending"
        world.service.before.clear()
        newcomer.devices.reset()
        assert state_of(newcomer) == "active"

    def test_one_long_after_signing_in_says_how_to_begin(self, world: World, newcomer: Account) -> None:
        world.service.before["publish_key"] = lambda _body: problem(403, "forbidden")

        with pytest.raises(ServiceProblem) as refused:
            newcomer.devices.reset()

        assert "sealpost sign-up EMAIL" in refused.value.cure
        assert "sealpost reset --yes" in refused.value.cure

    def test_one_whose_answer_was_lost_is_known_again(self, world: World, newcomer: Account) -> None:
        world.service.lose["publish_key"] = 99
        with pytest.raises(ServiceUnavailable):
            newcomer.devices.reset()
        world.service.lose.clear()
        tries = len(world.service.called("publish_key"))

        with world.reopened("ada-2") as again:
            again.devices.reset()

            assert state_of(again) == "active"
            assert own_chain(again).resets == (1,)
        assert len(world.service.called("publish_key")) == tries

    def test_one_that_another_device_overtook_follows_it(
        self, world: World, ada: Account, newcomer: Account
    ) -> None:
        def faster(_body: Json) -> None:
            world.service.before.clear()
            publish(world, ada, history_on(ada))

        world.service.before["publish_key"] = faster

        newcomer.devices.reset()

        assert own_chain(newcomer).resets == (2,)

    def test_one_in_an_earlier_second_than_the_statement_before_waits_for_a_later_one(
        self, world: World, ada: Account, newcomer: Account
    ) -> None:
        """Two clocks that follow the service's differ by up to a second; `iat` never falls."""
        slept = len(world.wall.slept)

        def faster(_body: Json) -> None:
            world.service.before["publish_key"] = too_early
            publish(world, ada, history_on(ada))

        def too_early(_body: Json) -> httpx.Response | None:
            return None if world.wall.slept[slept:] else problem(400, "invalid-request")

        world.service.before["publish_key"] = faster

        newcomer.devices.reset()

        assert world.wall.slept[slept:] == [2.0]
        assert own_chain(newcomer).resets == (2,)

    def test_one_that_is_refused_for_good_says_why(self, world: World, newcomer: Account) -> None:
        world.service.before["publish_key"] = lambda _body: problem(400, "invalid-request")

        before = len(world.service.called("publish_key"))

        with pytest.raises(ServiceProblem) as refused:
            newcomer.devices.reset()

        assert refused.value.code == "invalid-request"
        assert len(world.service.called("publish_key")) == before + 3

    def test_no_reset_of_another_account_is_signed(self, world: World, newcomer: Account) -> None:
        head = {"uid": "somebodyelse", "root": "A" * 43, "seq": 0, "hash": "A" * 43}
        world.service.before["publish_key"] = lambda _body: problem(409, "chain-conflict", head=head)

        before = len(world.service.called("publish_key"))

        with pytest.raises(ServiceUnavailable):
            newcomer.devices.reset()

        assert len(world.service.called("publish_key")) == before + 1

    def test_a_service_that_hides_it_is_not_believed(
        self, world: World, ada: Account, newcomer: Account
    ) -> None:
        before = list(own_chain(ada).statements)
        shown = {"uid": ada._uid, "head": own_chain(ada).head.to_json(), "statements": before}
        world.service.before["find_keys"] = lambda _body: httpx.Response(
            200, json={"accounts": [shown | {"encryption_keys": []}], "conversations": []}
        )

        with pytest.raises(Unsafe) as refused:
            newcomer.devices.reset()

        assert refused.value.code == "chain-hidden"
        assert newcomer._contacts.own() is None

    @pytest.mark.parametrize("shown", [None, [], [None], [{"statements": 1}]])
    def test_a_chain_that_cannot_be_read_is_asked_for_again(
        self, world: World, newcomer: Account, shown: object
    ) -> None:
        world.service.before["find_keys"] = lambda _body: httpx.Response(200, json={"accounts": shown})
        with pytest.raises(ServiceUnavailable):
            newcomer.devices.reset()
        world.service.before.clear()

        newcomer.devices.reset()

        assert state_of(newcomer) == "active"

    def test_a_linked_device_has_nothing_to_begin_anew(self, ada: Account) -> None:
        with pytest.raises(UsageError):
            ada.devices.reset()

    def test_a_device_that_a_reset_overtook_is_no_more(self, world: World, newcomer: Account) -> None:
        world.service.accounts[ADA]["ended"].add(newcomer._device.key.kid)

        for act in (newcomer.devices.reset, lambda: newcomer.devices.link(nobody)):
            with pytest.raises(SealpostError):
                act()


class TestVeto:
    def wish(self, world: World, device: str) -> None:
        now = int(world.wall.time())
        world.service.accounts[ADA]["pending_reset"] = {
            "device": device,
            "requested_at": now,
            "due_at": now + 86_400,
        }

    def test_a_reset_that_waits_is_told_until_it_is_vetoed(self, world: World, ada: Account) -> None:
        ada.inbox()
        self.wish(world, "A" * 43)
        ada._session.renew()
        ada._session.renew()
        assert world.alarms == ["pending-reset"]
        with world.reopened("ada") as again:
            again.inbox()
            list(again.listen(timeout=0))
        assert world.alarms == ["pending-reset"] * 3
        assert ada.devices.pending_reset() is not None

        ada.devices.veto()

        ada.inbox()
        assert len(world.alarms) == 3
        assert "pending_reset" not in world.service.accounts[ADA]
        assert claims(world.service.called("veto_reset")[0]["proof"])["htu"].endswith("/v1/veto_reset")

    def test_one_that_is_gone_is_told_no_more(self, world: World, ada: Account) -> None:
        ada.inbox()
        self.wish(world, "A" * 43)
        ada._session.renew()
        world.service.accounts[ADA]["pending_reset"] = None
        ada._session.renew()

        ada.inbox()

        assert world.alarms == ["pending-reset"]

    def test_the_device_that_wants_it_needs_no_alarm(self, world: World, newcomer: Account) -> None:
        self.wish(world, newcomer._device.key.kid)

        newcomer._session.renew()

        assert world.alarms == []
        assert newcomer.devices.pending_reset() is not None

    def test_a_pending_device_vetoes_nothing(self, newcomer: Account) -> None:
        with pytest.raises(SealpostError):
            newcomer.devices.veto()


class TestStanding:
    @pytest.mark.parametrize(
        "said",
        [
            {"device": None},
            {"device": {"state": "boss"}},
            {"head": {"seq": 1}},
            {"pending_reset": 1},
            {"pending_reset": {"device": "x", "requested_at": 1, "due_at": 2}},
            {"pending_reset": {"device": "A" * 43, "requested_at": 1, "due_at": True}},
        ],
    )
    def test_what_cannot_be_read_is_a_bad_answer(self, world: World, ada: Account, said: Json) -> None:
        tokens = ada._session.tokens()
        answer = world.service.refresh_session({"refresh_token": tokens.refresh_token}, "").json()
        world.service.before["refresh_session"] = lambda _body: httpx.Response(200, json=answer | said)

        with pytest.raises(ServiceUnavailable) as refused:
            ada._session.renew()

        assert refused.value.code == "bad-answer"
