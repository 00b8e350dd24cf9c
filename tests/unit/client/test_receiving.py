"""What comes is checked before it is shown; what is refused is named; keys end."""

from dataclasses import replace

import pytest

from sealpost.account import Account
from sealpost.errors import ServiceUnavailable
from sealpost.protocol import encoding
from sealpost.receiving import Message, Refused
from tests.unit.client.fakes import World, claims, problem, texts


class TestReceiving:
    def test_an_altered_message_is_named_without_its_content(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.send("bob@example.org", "secret")
        document = world.service.documents[0]
        envelope = encoding.loads(document.envelope)
        tag = envelope["tag"]
        envelope["tag"] = ("B" if tag[0] == "A" else "A") + tag[1:]
        world.service.documents[0] = replace(document, envelope=encoding.compact_json(envelope))

        (item,) = bob.inbox()

        assert isinstance(item, Refused)
        assert item.code == "undecryptable"
        assert bob.inbox() == []

    @pytest.mark.parametrize(
        "change", [{"sender_uid": "uid1"}, {"cid": "A" * 43}, {"sender_device": "A" * 43}, {"envelope": ""}]
    )
    def test_a_message_in_the_wrong_place_is_refused(
        self, world: World, ada: Account, bob: Account, change: dict[str, str]
    ) -> None:
        ada.send("bob@example.org", "secret")
        world.service.documents[0] = replace(world.service.documents[0], **change)  # type: ignore[arg-type]

        (item,) = bob.inbox()

        assert isinstance(item, Refused)
        assert item.code in {"context", "malformed"}

    def test_the_same_message_twice_is_shown_once_and_another_under_its_id_never(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.send("bob@example.org", "first")
        ada.send("bob@example.org", "second")
        first, second = world.service.documents
        assert texts(bob) == ["first", "second"]

        world.service.documents = [
            first,
            replace(second, mid=first.mid, name=first.name, sent_at=second.sent_at),
        ]

        assert texts(bob) == ["context"]
        assert texts(bob) == []
        assert [item.text for item in bob.history() if isinstance(item, Message)] == ["first", "second"]

    def test_a_gap_is_noticed(self, world: World, ada: Account, bob: Account) -> None:
        for text in ("one", "two", "three"):
            ada.send("bob@example.org", text)
        del world.service.documents[1]

        notices = [item.notices for item in bob.inbox() if isinstance(item, Message)]

        assert notices == [(), ("Messages may be missing.",)]

    def test_a_look_up_that_fails_refuses_nothing(self, world: World, ada: Account, bob: Account) -> None:
        ada.send("bob@example.org", "later")
        world.service.before["find_keys"] = lambda _body: problem(503, "unavailable", {"Retry-After": "99"})
        with pytest.raises(ServiceUnavailable):
            bob.inbox()
        world.service.before.clear()

        assert texts(bob) == ["later"]

    def test_a_hidden_sender_is_refused(self, world: World, ada: Account, bob: Account) -> None:
        ada.send("bob@example.org", "secret")
        world.service.before["find_keys"] = None  # type: ignore[assignment]
        world.service.accounts["ada@example.org"]["statements"].clear()
        del world.service.before["find_keys"]

        assert texts(bob) == ["chain-hidden"]

    def test_an_ended_key_is_destroyed_after_a_day_and_one_catch_up(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        day = 86400
        ada.send("bob@example.org", "old")
        (old,) = bob._device.receiving_keys()
        world.wall.ahead = 8 * day
        assert texts(bob) == ["old"]
        assert len(bob._device.receiving_keys()) == 2

        bob._device.destroy_ended(catch_up_started=world.wall.time() + day - 60)
        assert old in bob._device.receiving_keys()
        bob._device.destroy_ended(catch_up_started=world.wall.time() + day + 60)

        assert old not in bob._device.receiving_keys()
        assert bob._device.destroyed_kids() == {old}

    def test_keys_are_renewed_every_week(self, world: World, ada: Account) -> None:
        for days, n in ((6, 1), (8, 2), (9, 2), (16, 3)):
            world.wall.ahead = days * 86400
            ada.inbox()
            assert claims(world.service.accounts["ada@example.org"]["key"])["n"] == n

    def test_a_restored_state_goes_on_from_the_services_number(self, world: World, ada: Account) -> None:
        conflicts = [problem(409, "key-conflict", n=5)]
        world.service.before["publish_key"] = lambda _body: conflicts.pop() if conflicts else None
        world.wall.ahead = 8 * 86400

        ada.inbox()

        assert claims(world.service.accounts["ada@example.org"]["key"])["n"] == 6


def test_a_known_address_is_not_asked_for_again(world: World, ada: Account, bob: Account) -> None:
    for text in ("one", "two"):
        ada.send("bob@example.org", text)
        bob.inbox()

    asked = [
        one
        for call in world.service.called("find_keys")
        for one in call["accounts"]
        if one["address"] == "ada@example.org"
    ]
    assert len(asked) == 1
