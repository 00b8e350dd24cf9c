"""One's own keys: renewed in time whatever clock lies, never lost, never kept longer than they must be."""

import pytest

from sealpost.account import Account
from sealpost.errors import ServiceProblem, ServiceUnavailable
from tests.client.fakes import Json, World, claims, problem, texts

DAY = 86400


def current(world: World) -> Json:
    return claims(world.service.accounts["ada@example.org"]["key"])


def refuse_up_to(world: World, n: int) -> None:
    """The service's current key has number `n`."""
    world.service.before["publish_key"] = lambda body: (
        problem(409, "key-conflict", n=n) if claims(body["encryption_key"])["n"] <= n else None
    )


class TestClocks:
    @pytest.mark.parametrize(("ours", "theirs"), [(8, 0), (0, 8)])
    def test_either_clock_makes_a_renewal_due(
        self, world: World, ada: Account, ours: int, theirs: int
    ) -> None:
        world.wall.ahead = ours * DAY
        ada.service.offset = (theirs - ours) * DAY

        ada._device.publish()

        assert current(world)["n"] == 2

    @pytest.mark.parametrize(("ours", "theirs"), [(8, 28), (28, 8)])
    def test_a_key_begins_and_ends_by_the_earlier_one(
        self, world: World, ada: Account, ours: int, theirs: int
    ) -> None:
        (old,) = ada._device.receiving_keys()
        world.wall.ahead = 0
        start = world.wall.time()
        world.wall.ahead = ours * DAY
        ada.service.offset = (theirs - ours) * DAY
        ada._device.publish()
        assert abs(current(world)["iat"] - start - 8 * DAY) < 60

        ada._device.destroy_ended(catch_up_started=start + 8 * DAY + 3600)
        assert old in ada._device.receiving_keys()
        ada._device.destroy_ended(catch_up_started=start + 9.5 * DAY)

        assert old not in ada._device.receiving_keys()


class TestFirstPublication:
    def test_one_whose_answer_was_lost_is_known_at_the_next_sign_in(self, world: World) -> None:
        world.service.lose["publish_key"] = 99
        with pytest.raises(ServiceUnavailable):
            world.person("ada")
        world.service.lose.clear()

        with world.person("ada") as ada:
            device = ada.whoami().device

        assert device is not None
        assert device.state == "active"


class TestConflicts:
    def test_a_key_of_a_newer_copy_of_the_state_is_followed_by_a_new_one(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        world.wall.ahead = 8 * DAY
        refuse_up_to(world, 2)

        assert ada.inbox() == []

        assert current(world)["n"] == 3
        bob.send("ada@example.org", "hello")
        assert texts(ada) == ["hello"]

    def test_a_key_whose_answer_was_lost_reads_until_the_next_one_is_confirmed(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        world.wall.ahead = 8 * DAY
        world.service.lose["publish_key"] = 99
        with pytest.raises(ServiceUnavailable):
            ada._device.publish()
        world.service.lose.clear()
        lost = current(world)["keys"][0]["kid"]
        bob.send("ada@example.org", "to the lost key")
        refuse_up_to(world, 2)

        assert texts(ada) == ["to the lost key"]

        assert current(world)["n"] == 3
        assert lost in ada._device.receiving_keys()
        ada._device.destroy_ended(catch_up_started=world.wall.time() + 1.5 * DAY)
        assert list(ada._device.receiving_keys()) == [current(world)["keys"][0]["kid"]]

    @pytest.mark.parametrize(
        "refusal", [{"code": "blocked"}, {"code": "key-conflict"}, {"code": "key-conflict", "n": "2"}]
    )
    def test_another_refusal_makes_no_second_key(self, world: World, ada: Account, refusal: Json) -> None:
        world.wall.ahead = 8 * DAY
        before = len(world.service.called("publish_key"))
        world.service.before["publish_key"] = lambda _body: problem(409, **refusal)

        with pytest.raises(ServiceProblem):
            ada._device.publish()

        assert len(world.service.called("publish_key")) == before + 1
        world.service.before.clear()
        ada._device.publish()
        assert current(world)["n"] == 2

    @pytest.mark.parametrize("refusal", [{"code": "blocked"}, {"code": "chain-conflict", "head": None}])
    def test_a_refused_first_publication_is_made_at_the_next_sign_in(
        self, world: World, refusal: Json
    ) -> None:
        world.service.before["publish_key"] = lambda _body: problem(409, **refusal)
        with pytest.raises(ServiceProblem) as refused:
            world.person("ada")
        assert refused.value.code == refusal["code"]
        world.service.before.clear()

        with world.person("ada") as ada:
            device = ada.whoami().device

        assert device is not None
        assert device.state == "active"
