"""The history key: made, renewed, ended; and its backups."""

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import Locked, SealpostError, ServiceProblem, ServiceUnavailable, UsageError
from sealpost.key_backups import merged
from sealpost.protocol import bounds, key_backup
from sealpost.protocol.body import Pin
from tests.client.devices import joined, own_chain
from tests.client.fakes import Json, World, claims, problem, texts
from tests.client.histories import no_code, opened, renew, turned_on
from tests.client.stored import stored

EMAIL = "ada@example.org"
BOB = "bob@example.org"


def kids(world: World, account: Account, code: str) -> list[str]:
    return [key.kid for key in opened(world, account, code).history_keys]


class TestOn:
    def test_the_first_time_a_code_is_made_and_the_key_is_announced(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.send(BOB, "hello")
        assert not ada.history_key.status().is_on

        code = turned_on(ada)

        status = ada.history_key.status()
        assert (status.is_on, status.by, status.backup) == (True, ada._device.key.kid, 1)
        chain = own_chain(ada)
        content = opened(world, ada, code)
        assert chain.history is not None
        assert [key.public for key in content.history_keys] == [chain.history.key]
        assert content.head == chain.head_at(0)
        assert [(pin.uid, pin.addresses) for pin in content.pins] == [(bob._uid, (BOB,))]

    def test_the_private_half_is_not_kept(self, world: World, ada: Account) -> None:
        code = turned_on(ada)
        secrets = {key.to_json()["d"] for key in opened(world, ada, code).history_keys}

        everything = repr(stored(ada))
        assert own_chain(ada).statements[-1] in everything
        assert not any(secret in everything for secret in secrets)
        assert key_backup.read_code(code) not in everything.replace("-", "")

    def test_the_code_is_shown_before_anything_is_announced(self, world: World, ada: Account) -> None:
        before = len(world.service.accounts[EMAIL]["statements"])
        seen: list[int] = []

        def show(_code: str) -> None:
            seen.append(len(world.service.accounts[EMAIL]["statements"]))

        ada.history_key.turn_on(code=no_code, show=show)
        assert seen == [before]
        assert len(world.service.accounts[EMAIL]["statements"]) == before + 1

    def test_the_same_key_gets_a_newer_backup(self, world: World, ada: Account, bob: Account) -> None:
        code = turned_on(ada)
        first = kids(world, ada, code)
        ada.send(BOB, "hello")

        assert renew(ada, code.lower().replace("-", " ")) == 2

        assert kids(world, ada, code) == first
        assert [body["n"] for body in world.service.called("save_key_backup")] == [1, 2]
        assert [pin.uid for pin in opened(world, ada, code).pins] == [bob._uid]

    def test_after_an_end_a_new_key_follows_and_the_old_one_stays_in_the_backup(
        self, world: World, ada: Account
    ) -> None:
        code = turned_on(ada)
        first = kids(world, ada, code)
        assert ada.history_key.turn_off()

        renew(ada, code)

        again = kids(world, ada, code)
        assert again[:1] == first
        assert len(again) == 2
        chain = own_chain(ada)
        assert chain.history is not None
        assert chain.history.key.kid == again[1]

    def test_a_new_code_gives_the_old_keys_up(self, world: World, ada: Account) -> None:
        old = turned_on(ada)
        first = kids(world, ada, old)
        shown: list[str] = []

        status, _ = ada.history_key.turn_on(code=no_code, show=shown.append, new_code=True)

        assert status.backup == 2
        (new,) = shown
        assert new != old
        assert not set(kids(world, ada, new)) & set(first)

    @pytest.mark.parametrize(
        ("code", "kind", "reason"),
        [
            ("0000-0000-0000-0000-0000-0000", Locked, "backup-unreadable"),
            ("0000-0000", UsageError, "mistyped"),
            ("", UsageError, "mistyped"),
        ],
    )
    def test_another_code_changes_nothing(
        self, world: World, ada: Account, code: str, kind: type[SealpostError], reason: str
    ) -> None:
        turned_on(ada)
        ada.history_key.status()
        before, published = stored(ada), list(world.service.accounts[EMAIL]["statements"])

        with pytest.raises(kind) as raised:
            renew(ada, code)

        assert raised.value.code == reason
        assert stored(ada) == before
        assert world.service.accounts[EMAIL]["statements"] == published
        assert len(world.service.accounts[EMAIL]["backups"]) == 1

    def test_pins_that_were_told_but_not_met_are_kept(self, world: World, ada: Account, bob: Account) -> None:
        chain = own_chain(bob)
        pin = Pin(bob._uid, (0, chain.head.hash), (chain.head.root, 0, chain.head.hash), (BOB,))
        ada._contacts.take_pins([pin])

        code = turned_on(ada)
        assert opened(world, ada, code).pins == (pin,)

    def test_people_whom_only_the_backup_knows_stay_in_it(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.send(BOB, "hello")
        code = turned_on(ada)
        ada._state.delete("contact", bob._uid)

        renew(ada, code)
        assert [pin.uid for pin in opened(world, ada, code).pins] == [bob._uid]

    def test_pins_that_do_not_fit_are_left_out_unverified_ones_first(
        self, world: World, ada: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bounds, "MAX_BACKUP", 16 * 1024)
        verified = ("A" * 43, 0, "A" * 43)
        people = [Pin(f"u{n:03}", (0, "A" * 43), verified if n > 190 else None) for n in range(200)]
        ada._contacts.take_pins(people)
        shown: list[str] = []

        _, left_out = ada.history_key.turn_on(code=no_code, show=shown.append)

        kept = opened(world, ada, shown[0]).pins
        assert left_out == 200 - len(kept) > 0
        assert len(kept) > 40
        assert {f"u{n}" for n in range(191, 200)} <= {pin.uid for pin in kept}


class TestConflicts:
    def test_a_backup_that_was_never_announced_is_passed(self, world: World, ada: Account) -> None:
        """Whoever made it was interrupted; its code may have been seen by nobody."""
        world.service.before["publish_key"] = lambda _body: problem(503, "unavailable")
        with pytest.raises(SealpostError):
            turned_on(ada)
        del world.service.before["publish_key"]
        assert not ada.history_key.status().is_on

        code = turned_on(ada)
        assert ada.history_key.status().backup == 2
        assert len(kids(world, ada, code)) == 1

    def test_a_service_that_counts_backwards_is_refused(self, world: World, ada: Account) -> None:
        turned_on(ada)
        world.service.before["save_key_backup"] = lambda _body: problem(409, "backup-conflict", n=0)

        with pytest.raises(ServiceProblem):
            ada.history_key.turn_on(code=no_code, show=lambda _code: None, new_code=True)
        assert ada.history_key.status().backup == 1

    def test_lost_answers_are_asked_for_again(self, world: World, ada: Account) -> None:
        world.service.lose |= {"save_key_backup": 1, "publish_key": 1}
        turned_on(ada)

        assert ada.history_key.status().backup == 1
        assert len({body["backup"] for body in world.service.called("save_key_backup")}) == 1

    def test_who_was_slower_announces_nothing(self, world: World, ada: Account) -> None:
        """Another device turns history on between the backup and its announcement."""
        with joined(world, ada) as tablet:

            def overtake(_code: str) -> None:
                turned_on(tablet)

            with pytest.raises(ServiceProblem) as raised:
                ada.history_key.turn_on(code=no_code, show=overtake)

            assert raised.value.code == "chain-conflict"
            assert ada.history_key.status().by == tablet._device.key.kid

    def test_a_code_that_was_shown_is_kept_until_it_is_known_what_became_of_it(
        self, world: World, ada: Account
    ) -> None:
        shown: list[str] = []
        world.service.lose["publish_key"] = 99
        with pytest.raises(ServiceUnavailable) as raised:
            ada.history_key.turn_on(code=no_code, show=shown.append)
        assert "Keep the code" in raised.value.cure
        world.service.lose.clear()

        assert ada.history_key.status().is_on
        assert renew(ada, shown[0]) == 2

    def test_a_removal_in_between_stops_no_first_announcement(self, world: World, ada: Account) -> None:
        with joined(world, ada) as tablet:
            other = tablet._device.key.kid
        calls: list[Json] = []

        def remove_first(body: Json) -> httpx.Response | None:
            """The removal reaches the service just before the announcement."""
            calls.append(body)
            if len(calls) == 1:
                ada.devices.revoke(other)
            return None

        world.service.before["publish_key"] = remove_first
        turned_on(ada)
        assert ada.history_key.status().is_on
        assert [claims(one)["act"] for one in world.service.accounts[EMAIL]["statements"][-2:]] == [
            "revoke-device",
            "set-history-key",
        ]


class TestOff:
    def test_what_comes_then_is_sealed_for_no_history_key(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        code = turned_on(ada)
        bob.send(EMAIL, "kept")
        assert ada.history_key.turn_off()
        bob.send(EMAIL, "not kept")

        (kid,) = kids(world, ada, code)
        assert [kid in document.envelope for document in world.service.documents] == [True, False]
        assert not ada.history_key.status().is_on
        assert ada.history_key.status().backup == 1

    def test_twice_is_once(self, world: World, ada: Account) -> None:
        assert not ada.history_key.turn_off()
        turned_on(ada)
        assert ada.history_key.turn_off()
        assert not ada.history_key.turn_off()
        assert len(world.service.accounts[EMAIL]["statements"]) == 3

    def test_people_see_it(self, ada: Account, bob: Account) -> None:
        bob.send(EMAIL, "hello")
        turned_on(ada)
        ada.history_key.turn_off()

        bob.send(EMAIL, "again")
        assert texts(bob)[-2:] == ["history-on", "history-off"]


@pytest.mark.parametrize(("here", "in_backup", "stays"), [(2, 1, "here"), (1, 1, "here"), (1, 2, "backup")])
def test_of_two_pins_of_a_person_the_longer_chain_stays(here: int, in_backup: int, stays: str) -> None:
    """A mark that only the backup has stays: a device that never knew of it may have been shown another chain."""
    mark = ("A" * 43, 0, "A" * 43)
    ours = Pin("u1", (here, "A" * 43), None, ("here",))
    earlier = Pin("u1", (in_backup, "A" * 43), mark, ("backup",))

    (pin,) = merged([ours], [earlier])
    assert pin.addresses == (stays,)
    assert pin.verified == mark
