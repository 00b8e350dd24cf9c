"""What is kept of a judged document: an id has one message, and what may be read later is read then."""

from dataclasses import replace

import pytest

from sealpost import receiving
from sealpost.account import Account
from sealpost.errors import ServiceUnavailable
from sealpost.protocol import encoding
from sealpost.protocol.body import Text
from sealpost.receiving import Message, Refused
from sealpost.state import Kind
from sealpost.verdicts import _fingerprint
from tests.client.fakes import World, replace_keys, shown, texts
from tests.client.peers import forged, garbage


@pytest.mark.usefixtures("talking")
class TestOneIdOneMessage:
    def test_another_message_under_an_id_is_a_replay(self, world: World, ada: Account, bob: Account) -> None:
        first = world.service.documents[0]
        forged(world, ada, bob, mid=first.mid)

        assert texts(bob) == ["replayed"]
        assert texts(bob) == []

    def test_the_id_of_an_expired_message_stays_taken(self, world: World, ada: Account, bob: Account) -> None:
        past = int(world.wall.time() * 1000) - 1000
        gone = forged(world, ada, bob, exp=past)
        assert texts(bob) == ["expired"]

        forged(world, ada, bob, mid=gone.mid)

        assert texts(bob) == ["replayed"]

    def test_so_does_that_of_one_shown_and_expired_since(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        soon = forged(world, ada, bob, exp=int(world.wall.time() * 1000) + 60_000)
        assert texts(bob) == ["forged"]
        world.wall.ahead = 61
        assert len(list(bob.history())) == 1

        forged(world, ada, bob, mid=soon.mid)

        assert texts(bob) == ["replayed"]

    def test_so_does_that_of_a_body_of_a_later_version(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        later = forged(world, ada, bob, body={"type": "image"})
        assert texts(bob) == ["update-needed"]

        forged(world, ada, bob, mid=later.mid)

        assert texts(bob) == ["replayed"]

    def test_the_id_of_what_one_sent_is_taken_too(self, world: World, ada: Account, bob: Account) -> None:
        receipt = bob.send("ada@example.org", "mine")
        forged(world, ada, bob, mid=receipt.message_id)

        assert texts(bob) == ["replayed"]
        assert [item.text for item in bob.history() if isinstance(item, Message)] == ["first", "mine"]

    def test_and_that_of_what_one_is_sending(self, world: World, ada: Account, bob: Account) -> None:
        world.service.lose["send_message"] = 99
        with pytest.raises(ServiceUnavailable):
            bob.send("ada@example.org", "mine")
        world.service.lose.clear()
        forged(world, ada, bob, mid=world.service.called("send_message")[-1]["message_id"])

        assert texts(bob) == ["replayed"]
        bob.resume()
        assert [item.text for item in bob.history() if isinstance(item, Message)] == ["first", "mine"]

    def test_garbage_takes_no_id_from_the_message_that_comes_under_it(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.send("bob@example.org", "second")
        second = world.service.documents.pop()
        world.service.add(replace(second, envelope="{}"))
        assert texts(bob) == ["malformed"]

        world.service.documents[-1] = second

        (item,) = bob.inbox()
        assert isinstance(item, Message)
        assert (item.id, item.text) == (second.mid, "second")
        (refused,) = (one for one in bob.history() if isinstance(one, Refused))
        assert (refused.id == second.mid, refused.code) == (False, "malformed")
        assert texts(bob) == []

    def test_nor_from_the_message_that_is_being_sent(self, world: World, bob: Account) -> None:
        world.service.lose["send_message"] = 99
        with pytest.raises(ServiceUnavailable):
            bob.send("ada@example.org", "mine")
        world.service.lose.clear()
        mine = world.service.documents.pop()
        garbage(world, mid=mine.mid)
        assert texts(bob) == ["malformed"]
        world.service.documents.pop()

        bob.resume()

        assert sorted(shown(item) for item in bob.history()) == ["first", "malformed", "mine"]

    def test_the_id_of_one_that_a_look_up_contradicts_is_taken(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        """Its check 8 has passed; then it names a head of mine, and the service shows other keys as mine."""
        theirs = encoding.digest(world.service.accounts["ada@example.org"]["statements"][0])
        contradicted = forged(world, ada, bob, heads={ada._uid: [0, theirs], bob._uid: [1, theirs]})
        forged(world, ada, bob, mid=contradicted.mid)
        replace_keys(world, "bob")

        assert texts(bob) == ["key-change", "replayed"]

    def test_a_document_that_was_mended_is_judged_again(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.send("bob@example.org", "second")
        second = world.service.documents.pop()
        world.service.add(replace(second, sender_device="A" * 43))
        assert texts(bob) == ["context"]

        world.service.documents[-1] = second

        assert texts(bob) == ["second"]

    def test_no_documents_id_leads_to_where_a_second_one_of_another_id_is_kept(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        """It is kept under the id and a mark of its content, and Firestore's ids hold anything but a slash."""
        ada.send("bob@example.org", "second")
        second = world.service.documents.pop()
        for between in "~.-_:;,|+*!# ":
            world.service.add(replace(second, mid=f"{second.mid}{between}{_fingerprint(second)[:8]}"))
        assert set(texts(bob)) == {"context"}

        world.service.add(second)

        assert texts(bob) == ["second"]

    def test_one_that_names_this_device_as_its_sender_leaves_no_trace(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        ada.send("bob@example.org", "second")
        second = world.service.documents.pop()
        world.service.add(replace(second, sender_uid=bob._uid, sender_device=bob._device.key.kid))
        assert texts(bob) == []

        world.service.documents[-1] = second

        assert texts(bob) == ["second"]


@pytest.mark.usefixtures("talking")
class TestOrderOfChecks:
    def test_garbage_by_a_stranger_in_a_known_conversation_is_malformed(
        self, world: World, bob: Account
    ) -> None:
        garbage(world, sender_uid="eve")

        assert texts(bob) == ["malformed"]

    def test_a_stranger_is_no_member_of_a_known_conversation(self, world: World, bob: Account) -> None:
        known = world.service.documents[0].cid
        head = encoding.digest(world.service.conversations[known][0])
        with world.person("eve") as eve:
            eve.send("bob@example.org", "hi")
            assert texts(bob) == ["hi"]
            strange = forged(world, eve, bob, cid=known, conv=[0, head])
        world.service.documents[-1] = replace(strange, cid=known)

        assert texts(bob) == ["not-a-member"]


def freeze(bob: Account, uid: str, frozen: tuple[str, str, str] | None) -> None:
    stored = bob._state.get("contact", uid)
    assert stored is not None
    bob._state.put("contact", stored | {"frozen": frozen}, uid)


@pytest.mark.usefixtures("talking")
class TestReadLater:
    def test_a_frozen_contact_is_not_read_until_the_freeze_ends(self, ada: Account, bob: Account) -> None:
        freeze(bob, ada._uid, ("chain-fork", "ours", "theirs"))
        ada.send("bob@example.org", "while frozen")

        assert texts(bob) == ["chain-fork"]
        assert texts(bob) == []
        freeze(bob, ada._uid, None)

        assert texts(bob) == ["while frozen"]
        assert texts(bob) == []
        assert bob._state.all(Kind.HELD) == []
        assert [type(item) for item in bob.history()] == [Message, Message]

    @pytest.mark.parametrize(("handled", "shown"), [(True, "hi"), (False, "update-needed")])
    def test_a_freeze_that_an_update_has_ended_is_noticed(
        self, ada: Account, bob: Account, *, handled: bool, shown: str
    ) -> None:
        contact = bob._contacts.pinned(ada._uid)
        assert contact is not None
        freeze(bob, ada._uid, ("update-needed", "ours", contact.statements[0] if handled else "theirs"))
        ada.send("bob@example.org", "hi")

        assert texts(bob) == [shown]

    @pytest.mark.parametrize("delivered", ["still delivered", "delivered no more"])
    def test_what_is_of_a_later_version_is_read_by_that_version(
        self, world: World, ada: Account, bob: Account, monkeypatch: pytest.MonkeyPatch, delivered: str
    ) -> None:
        forged(world, ada, bob, body={"type": "image", "text": "a view", "from": "ada@example.org"})
        assert texts(bob) == ["update-needed"]
        if delivered == "delivered no more":
            world.service.documents.clear()
        monkeypatch.setattr(receiving, "__version__", "99")
        assert texts(bob) == []

        monkeypatch.setattr(Text, "parse", lambda body: Text(f"[{body['text']}]", body["from"]))
        assert texts(bob) == []
        monkeypatch.setattr(receiving, "__version__", "100")

        assert texts(bob) == ["[a view]"]
        assert texts(bob) == []

    def test_it_is_not_read_when_its_key_was_destroyed_meanwhile(
        self, world: World, ada: Account, bob: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forged(world, ada, bob, body={"type": "image"})
        assert texts(bob) == ["update-needed"]
        world.wall.ahead = 8 * 86400
        bob.inbox()
        bob._device.destroy_ended(catch_up_started=world.wall.time() + 90_000)
        monkeypatch.setattr(receiving, "__version__", "99")

        assert texts(bob) == ["key-destroyed"]
