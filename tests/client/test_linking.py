"""A new device joins an account by a secret, and nobody else can make it one or be taken for one."""

from collections.abc import Callable

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import DeviceNotActive, SealpostError, ServiceProblem, TimedOut, Unsafe, UsageError
from sealpost.joining import Request
from sealpost.protocol import acts, bounds, chain, linking
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.state import Kind
from tests.client.devices import history_on, interrupted, nobody, own_chain, publish, state_of
from tests.client.fakes import Json, World, claims, problem, texts

ADA, BOB = "ada@example.org", "bob@example.org"


@pytest.fixture
def tablet(world: World, ada: Account) -> Account:
    """Ada's second device: it has signed in, and is pending."""
    return world.person("ada-2")


def link(world: World, new: Account, approve: Callable[[str], object]) -> list[Request]:
    """The new device shows its secret, and `approve` gets it while it waits. What was shown."""
    shown: list[Request] = []

    def once() -> None:
        world.wall.meanwhile = lambda: None
        approve(str(shown[-1]))

    world.wall.meanwhile = once
    new.devices.link(shown.append)
    return shown


class TestLinking:
    def test_both_devices_read_what_comes_and_know_the_same_people(
        self, world: World, ada: Account, bob: Account, tablet: Account
    ) -> None:
        ada.send(BOB, "before")
        ada.mark_verified(BOB)
        (shown,) = link(world, tablet, ada.devices.approve)
        assert len(str(shown).split("-")) == 4
        texts(bob)

        bob.send(ADA, "to both")

        assert texts(ada) == ["to both"]
        assert texts(tablet) == ["to both"]
        assert state_of(tablet) == "active"
        assert tablet.send(BOB, "from the tablet").verified
        assert texts(bob) == ["from the tablet"]
        assert own_chain(ada).head == own_chain(tablet).head

    def test_it_asks_every_two_seconds(self, world: World, ada: Account, tablet: Account) -> None:
        link(world, tablet, ada.devices.approve)

        assert world.wall.slept == [2.0]

    def test_a_secret_may_be_typed_in_any_way(self, world: World, ada: Account, tablet: Account) -> None:
        link(world, tablet, lambda secret: ada.devices.approve(f" {secret.replace('-', ' ').lower()}\n"))

        assert state_of(tablet) == "active"

    def test_the_first_device_of_an_account_has_nothing_to_link(self, ada: Account) -> None:
        with pytest.raises(UsageError):
            ada.devices.link(nobody)

    def test_a_pending_device_approves_nobody(self, tablet: Account) -> None:
        with pytest.raises(DeviceNotActive):
            tablet.devices.approve(linking.new_secret())

    def test_what_was_granted_while_nobody_waited_is_taken(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        shown = interrupted(world, tablet)
        ada.devices.approve(str(shown))

        with world.reopened("ada-2") as again:
            again.devices.link(nobody)

            assert state_of(again) == "active"
            again._device.publish()
        assert len(world.service.called("publish_key")) == 1

    def test_an_interrupted_request_goes_on_with_the_same_secret(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        first = interrupted(world, tablet)

        with world.reopened("ada-2") as again:
            (second,) = link(world, again, ada.devices.approve)

        assert second == first
        assert len(world.service.called("request_link")) == 1

    def test_a_request_whose_answer_was_lost_is_made_again(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        world.service.before["request_link"] = lambda _body: httpx.Response(503)
        with pytest.raises(SealpostError):
            tablet.devices.link(nobody)
        world.service.before.clear()

        link(world, tablet, ada.devices.approve)

        assert state_of(tablet) == "active"

    def test_a_request_that_arrived_all_the_same_stands(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        world.service.lose["request_link"] = 99
        with pytest.raises(SealpostError):
            tablet.devices.link(nobody)
        world.service.lose.clear()

        link(world, tablet, ada.devices.approve)

        assert len({request["pop"] for request in world.service.called("request_link")}) == 1

    def test_the_first_key_ends_when_its_statement_says(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        ada.devices.approve(str(interrupted(world, tablet)))
        world.wall.ahead = 60
        tablet._device.first_key()

        tablet.devices.link(nobody)

        device = tablet.whoami().device
        assert device is not None
        assert device.key_expires == claims(world.service.called("request_link")[0]["encryption_key"])["exp"]

    def test_a_new_secret_replaces_the_earlier_one(self, world: World, ada: Account, tablet: Account) -> None:
        first = interrupted(world, tablet)
        shown: list[Request] = []

        def approve() -> None:
            world.wall.meanwhile = lambda: None
            with pytest.raises(UsageError):
                ada.devices.approve(str(first))
            ada.devices.approve(str(shown[0]))

        world.wall.meanwhile = approve
        tablet.devices.link(shown.append, anew=True)

        assert state_of(tablet) == "active"

    def test_nobody_waits_for_ever(self, world: World, tablet: Account) -> None:
        shown: list[Request] = []

        def pass_by() -> None:
            world.wall.ahead += 2

        world.wall.meanwhile = pass_by
        with pytest.raises(TimedOut) as ended:
            tablet.devices.link(shown.append)
        assert ended.value.code == "link-expired"
        assert len(world.wall.slept) <= bounds.LINK_LIFE / 2 + 1
        assert tablet._state.get(Kind.LINK) is None

        with pytest.raises(TimedOut):
            tablet.devices.link(shown.append)
        assert shown[0].secret != shown[1].secret

    def test_another_device_that_asks_comes_first(self, world: World, tablet: Account) -> None:
        until = int(world.wall.time()) + 60
        world.service.accounts[ADA]["link"] = {"device": "other", "expires_at": until, "grant": None}

        with pytest.raises(ServiceProblem) as refused:
            tablet.devices.link(nobody)

        assert refused.value.code == "link-pending"
        assert "Approve it first" in refused.value.cure


class TestApproving:
    def test_without_a_request_there_is_nothing_to_approve(self, ada: Account) -> None:
        with pytest.raises(UsageError) as refused:
            ada.devices.approve(linking.new_secret())

        assert refused.value.code == "not-found"

    def test_what_is_no_secret_is_not_counted(self, world: World, ada: Account, tablet: Account) -> None:
        shown = interrupted(world, tablet)
        for _ in range(2 * bounds.MAX_LINK_TRIES):
            with pytest.raises(UsageError) as refused:
                ada.devices.approve(str(shown)[:-1])
            assert refused.value.code == "mistyped"

        ada.devices.approve(str(shown))

    def test_five_wrong_secrets_end_a_request_whoever_asks_again(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        shown = interrupted(world, tablet)
        for left in (4, 3, 2, 1, 0):
            with world.reopened("ada") as again, pytest.raises(UsageError) as refused:
                again.devices.approve(linking.new_secret())
            assert refused.value.code == "wrong-secret"
            assert refused.value.cure.startswith(f"{left} more" if left else "Begin again")

        with pytest.raises(UsageError) as refused:
            ada.devices.approve(str(shown))
        assert "for good" in str(refused.value)
        assert world.service.called("grant_link") == []

        tablet._state.delete(Kind.LINK)
        ada.devices.approve(str(interrupted(world, tablet)))

    def test_a_request_for_another_service_is_refused(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        tablet.service.url = "https://other.example"
        shown = interrupted(world, tablet)

        with pytest.raises(Unsafe) as refused:
            ada.devices.approve(str(shown))

        assert refused.value.code == "malformed"
        assert len(own_chain(ada).active_devices) == 1

    def test_a_request_that_is_too_old_is_refused(self, world: World, ada: Account, tablet: Account) -> None:
        shown = interrupted(world, tablet)
        world.service.accounts[ADA]["link"]["expires_at"] += 10_000
        world.wall.ahead += bounds.POSSESSION_LIFE + bounds.CLOCK_TOLERANCE + 2

        with pytest.raises(UsageError) as refused:
            ada.devices.approve(str(shown))

        assert refused.value.code == "link-expired"

    def test_where_another_device_was_faster_the_grant_is_made_anew(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        def faster(_body: Json) -> None:
            world.service.before.clear()
            publish(world, ada, history_on(ada))

        world.service.before["grant_link"] = faster

        link(world, tablet, ada.devices.approve)

        assert state_of(tablet) == "active"
        assert own_chain(ada).head.seq == own_chain(tablet).head.seq == 2
        first, second = world.service.called("grant_link")
        assert first["mac"] != second["mac"]

    def test_a_second_conflict_is_said(self, world: World, ada: Account, tablet: Account) -> None:
        shown = interrupted(world, tablet)
        head = own_chain(ada).head.to_json()
        world.service.before["grant_link"] = lambda _body: problem(409, "chain-conflict", head=head)

        with pytest.raises(ServiceProblem) as refused:
            ada.devices.approve(str(shown))

        assert "twice" in str(refused.value)
        assert len(own_chain(ada).active_devices) == 1

    def test_a_request_that_ended_meanwhile_is_said(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        shown = interrupted(world, tablet)
        world.service.before["grant_link"] = lambda _body: problem(404, "not-found")

        with pytest.raises(UsageError) as refused:
            ada.devices.approve(str(shown))

        assert refused.value.code == "not-found"

    @pytest.mark.usefixtures("bob")
    def test_one_whose_answer_was_lost_is_finished_by_the_next(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        ada.mark_verified(BOB)
        shown = interrupted(world, tablet)
        world.service.lose["grant_link"] = 99
        with pytest.raises(SealpostError):
            ada.devices.approve(str(shown))
        world.service.lose.clear()

        with pytest.raises(UsageError) as refused:
            ada.devices.approve(str(shown))

        assert "sealpost devices" in refused.value.cure
        tablet.devices.link(nobody)
        assert texts(tablet) == []
        assert tablet.send(BOB, "hello").verified


class TestForgery:
    def test_a_chain_of_the_services_own_making_is_not_taken(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        """It adds the device to a chain of its own, and has no secret to say so with."""
        shown = interrupted(world, tablet)
        account, key, now = (
            world.service.accounts[ADA],
            PrivateKey.generate(Use.SIGNING),
            int(world.wall.time()),
        )
        own = chain.verify(ada._uid, [chain.first_statement(uid=ada._uid, key=key, now=now)])
        enc = account["link"]["encryption_key"]
        pop = linking.possession(
            uid=ada._uid,
            service_url=tablet.service.url,
            root=own.head.root,
            key=tablet._device.key,
            encryption_statement=enc,
            now=now,
        )
        forged = chain.extend(own, [acts.add_device(own, tablet._device.key.public, pop, key, now)])
        account["statements"] = list(forged.statements)
        account["link"]["grant"] = linking.grant_mac(linking.new_secret(), forged.head)

        with pytest.raises(Unsafe) as refused:
            tablet.devices.link(nobody)

        assert refused.value.code == "link-forged"
        assert tablet._contacts.own() is None
        assert tablet._state.get(Kind.LINK) is None
        assert state_of(tablet) == "pending"
        assert shown.secret

    def test_a_grant_for_another_head_is_not_taken(self, world: World, ada: Account, tablet: Account) -> None:
        ada.devices.approve(str(interrupted(world, tablet)))
        link = world.service.accounts[ADA]["link"]
        link["grant"] = linking.grant_mac(linking.new_secret(), own_chain(ada).head)

        with pytest.raises(Unsafe) as refused:
            tablet.devices.link(nobody)

        assert refused.value.code == "link-forged"
        assert tablet._contacts.own() is None

    def test_a_device_that_was_removed_again_is_none(
        self, world: World, ada: Account, tablet: Account
    ) -> None:
        ada.devices.approve(str(interrupted(world, tablet)))
        ada.devices.revoke(tablet._device.key.kid)
        world.service.accounts[ADA]["ended"].clear()

        with pytest.raises(DeviceNotActive):
            tablet.devices.link(nobody)

        assert tablet._contacts.own() is None
