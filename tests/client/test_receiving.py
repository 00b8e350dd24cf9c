"""What comes is checked before it is shown; what is refused is named; keys end."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import ServiceUnavailable
from sealpost.protocol import encoding
from sealpost.receiving import Item, Message, Refused
from tests.client.fakes import World, claims, problem, texts
from tests.client.peers import forged, garbage


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

    def test_what_the_service_will_not_look_up_it_hides(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.send("bob@example.org", "secret")
        world.service.before["find_keys"] = lambda _body: problem(400, "invalid-request")

        assert texts(bob) == ["chain-hidden"]

    def test_a_hidden_sender_is_refused(self, world: World, ada: Account, bob: Account) -> None:
        ada.send("bob@example.org", "secret")
        world.service.accounts["ada@example.org"]["statements"].clear()

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


@pytest.mark.usefixtures("talking")
class TestHostilePeer:
    """Whatever a signed-in peer seals, what others send still comes."""

    def test_the_inbox_goes_on(self, world: World, ada: Account, bob: Account) -> None:
        hostile: list[dict[str, Any]] = [
            {"ext": {"a": 2.5}},
            {"n": 2**60},
            {"iat": 2**53 - 1},
            {"heads": {}},
            {"body": {"type": "text", "text": "hi", "from": "a..b@example.org"}},
            {"body": {"type": "text", "text": "hi", "from": "nobody@example.org"}},
            {"body": {"type": "text", "text": "hi", "from": "\0" * 5000}},
            {"body": {"type": []}},
        ]
        for parts in hostile:
            forged(world, ada, bob, **parts)
        with world.person("eve") as eve:
            eve.send("bob@example.org", "from eve")

        assert texts(bob)[-1] == "from eve"
        assert len(list(bob.history())) == len(hostile) + 2

    def test_a_context_nested_deep_is_malformed(self, world: World, ada: Account, bob: Account) -> None:
        deep: dict[str, Any] = {}
        for _ in range(400):
            deep = {"a": deep}
        forged(world, ada, bob, ext=deep)

        assert texts(bob) == ["malformed"]

    def test_a_signed_time_beyond_the_calendar_is_shown_as_its_end(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        forged(world, ada, bob, iat=2**53 - 1)

        (item,) = bob.inbox()

        assert isinstance(item, Message)
        assert item.signed_at is not None
        assert item.signed_at.year == 9999


@pytest.mark.usefixtures("talking")
class TestClaimedAddress:
    """Looking it up is optional: whatever goes wrong, the message is shown with the address not confirmed."""

    def claim(self, world: World, ada: Account, bob: Account, refusal: httpx.Response) -> None:
        """Ada claims another address, whose look-up the service refuses."""
        body = {"type": "text", "text": "hi", "from": "other@example.org"}
        forged(world, ada, bob, body=body)
        world.service.before["find_keys"] = lambda _body: refusal

    def test_a_refused_look_up_holds_no_message_back(self, world: World, ada: Account, bob: Account) -> None:
        refusals = {
            400: "invalid-request",
            403: "forbidden",
            429: "rate-limited",
            500: "internal",
            503: "unavailable",
        }
        for status, code in refusals.items():
            world.wall.ahead += 61
            self.claim(world, ada, bob, problem(status, code, {"Retry-After": "99"}))

            (item,) = bob.inbox()

            assert isinstance(item, Message)
            assert (item.text, item.address) == ("hi", None)

    def test_after_a_failure_no_more_is_asked_for_a_minute(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        self.claim(world, ada, bob, problem(429, "rate-limited"))
        self.claim(world, ada, bob, problem(429, "rate-limited"))
        before = len(world.service.called("find_keys"))

        assert texts(bob) == ["hi", "hi"]

        assert len(world.service.called("find_keys")) == before + 1

    def test_it_is_asked_for_again_when_the_message_is_shown(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        self.claim(world, ada, bob, problem(429, "rate-limited"))
        for _ in bob._delivery.catch_up():
            pass
        world.service.accounts["other@example.org"] = world.service.accounts["ada@example.org"]
        del world.service.before["find_keys"]

        with world.reopened("bob") as again:
            (item,) = again.inbox()

        assert isinstance(item, Message)
        assert item.address == "other@example.org"

    def test_after_a_false_one_no_more_is_asked_of_that_person_for_a_day(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        """The addresses that one may look up in a day are not a peer's to spend."""
        ada_uid = ada._uid
        for name in ("one", "two", "three"):
            forged(world, ada, bob, body={"type": "text", "text": name, "from": f"{name}@example.org"})
        before = len(world.service.called("find_keys"))

        with world.reopened("bob") as again:
            assert texts(again) == ["one", "two", "three"]
        with world.reopened("bob") as again:
            assert [item for item in again.history() if isinstance(item, Message) and item.peer == ada_uid]

        assert len(world.service.called("find_keys")) == before + 1
        world.wall.ahead = 86_401
        world.service.accounts["four@example.org"] = world.service.accounts["ada@example.org"]
        forged(world, ada, bob, body={"type": "text", "text": "four", "from": "four@example.org"})
        (item,) = bob.inbox()
        assert isinstance(item, Message)
        assert item.address == "four@example.org"

    def test_an_address_that_none_can_have_is_not_looked_up(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        before = len(world.service.called("find_keys"))
        forged(world, ada, bob, body={"type": "text", "text": "hi", "from": "a..b@example.org"})

        assert texts(bob) == ["hi"]
        assert len(world.service.called("find_keys")) == before


@pytest.mark.usefixtures("talking")
class TestTimes:
    def signed(self, world: World, ada: Account, bob: Account, seconds: float) -> Item:
        """A message signed that long before it was sent."""
        forged(world, ada, bob, iat=int((time.time() - seconds) * 1000))
        (item,) = bob.inbox()
        return item

    def test_a_signed_time_is_given_where_it_differs(self, world: World, ada: Account, bob: Account) -> None:
        item = self.signed(world, ada, bob, 700)

        assert isinstance(item, Message)
        assert item.signed_at is not None
        assert timedelta(seconds=699) < item.sent_at - item.signed_at < timedelta(seconds=705)
        assert len(item.notices) == 1

    def test_and_not_within_ten_minutes(self, world: World, ada: Account, bob: Account) -> None:
        item = self.signed(world, ada, bob, 500)

        assert isinstance(item, Message)
        assert (item.signed_at, item.notices) == (None, ())

    def test_a_document_of_the_year_9999_hides_nothing(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        garbage(world, sent_at=253_402_300_799 * 10**6)
        assert texts(bob) == ["malformed"]

        ada.send("bob@example.org", "now")
        world.service.documents[-1] = replace(world.service.documents[-1], sent_at=int(time.time() * 10**6))

        assert texts(bob) == ["now"]
