"""Pins: what contradicts them freezes the contact, and no second process loses that."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sealpost.account import Account
from sealpost.contact import Contact
from sealpost.errors import DeviceNotActive, ServiceProblem, ServiceUnavailable, Unsafe
from sealpost.protocol import acts, encoding, identifiers, jws
from sealpost.protocol import chain as chains
from sealpost.protocol import conversation as conversations
from sealpost.protocol.errors import Code, ForkError
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.state import Kind
from tests.client.devices import addition
from tests.client.fakes import World, claims, problem

BOB = "bob@example.org"


def revocation(bob: Account, key: PrivateKey, **changed: Any) -> str:
    """A second statement of Bob's chain."""
    own = pin_of(bob, bob)
    payload = {
        "v": 1,
        "iss": own.uid,
        "seq": 1,
        "prev": encoding.digest(own.statements[0]),
        "iat": claims(own.statements[0])["iat"],
        "act": "revoke-device",
        "device": bob._device.key.kid,
        "ext": {},
    }
    return jws.sign(jws.Type.KEY, payload | changed, key)


def pin_of(account: Account, whose: Account) -> Contact:
    contact = account._contacts.pinned(whose._uid)
    assert contact is not None
    return contact


def refused(ada: Account) -> str:
    with pytest.raises(Unsafe) as stopped:
        ada.send(BOB, "not to be sent")
    return stopped.value.code


def renew(world: World, account: Account, *, ahead: float = 8 * 86400) -> tuple[str, str]:
    """The statements of the key before and of the next one, eight days on."""
    stored = world.service.accounts[account.whoami().address]
    old = stored["key"]
    world.wall.ahead = ahead
    account._device.publish()
    assert stored["key"] != old
    return old, stored["key"]


def meanwhile(world: World, act: Callable[[], object]) -> None:
    """Another process acts while an answer to find_keys is on its way."""
    real, left = world.service.find_keys, [act]

    def slow(body: dict[str, Any], token: str) -> httpx.Response:
        answer = real(body, token)
        if left:
            left.pop()()
        return answer

    world.service.find_keys = slow  # type: ignore[method-assign]


@pytest.fixture
def known(world: World, ada: Account, bob: Account) -> dict[str, Any]:
    """Bob's account at the service, whom Ada has written to."""
    ada.send(BOB, "before")
    account: dict[str, Any] = world.service.accounts[BOB]
    return account


class TestFreezing:
    @pytest.mark.parametrize(
        ("statement", "code"),
        [
            (lambda bob: revocation(bob, PrivateKey.generate(Use.SIGNING)), "unknown-device"),
            (
                lambda bob: ".".join((*revocation(bob, bob._device.key).split(".")[:2], "A" * 512)),
                "bad-signature",
            ),
            (lambda bob: revocation(bob, bob._device.key, seq=7), "malformed"),
            (lambda bob: revocation(bob, bob._device.key, prev="A" * 43), "chain-fork"),
            (lambda _bob: "nonsense", "malformed"),
        ],
    )
    def test_a_bad_statement_freezes_with_its_evidence(
        self,
        known: dict[str, Any],
        ada: Account,
        bob: Account,
        statement: Callable[[Account], str],
        code: str,
    ) -> None:
        first = known["statements"][0]
        bad = statement(bob)
        known["statements"] = [first, bad]
        assert refused(ada) == code

        known["statements"] = [first]

        assert refused(ada) == code
        assert pin_of(ada, bob).frozen == (code, first, bad)

    def test_what_waits_for_an_answer_is_not_sent_again_to_a_frozen_contact(
        self, world: World, known: dict[str, Any], ada: Account
    ) -> None:
        world.service.lose["send_message"] = 99
        with pytest.raises(ServiceUnavailable):
            ada.send(BOB, "its answer is lost")
        world.service.lose.clear()
        known["statements"] = [*known["statements"], "nonsense"]
        assert refused(ada) == "malformed"
        before = len(world.service.called("send_message"))

        with pytest.raises(Unsafe):
            ada.resume()

        assert (len(world.service.called("send_message")), ada.waiting()) == (before, 0)

    def test_a_newer_kind_of_statement_freezes_until_this_client_can_read_it(
        self, known: dict[str, Any], ada: Account, bob: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, newer = known["statements"][0], revocation(bob, bob._device.key, v=2)
        known["statements"] = [first, newer]
        assert refused(ada) == "update-needed"
        known["statements"] = [first]
        assert refused(ada) == "update-needed"  # hidden again: what was seen once counts

        def updated(chain: chains.Chain, statements: list[str]) -> chains.Chain:
            for compact in statements:
                chain = replace(
                    chain,
                    statements=(*chain.statements, compact),
                    hashes=(*chain.hashes, encoding.digest(compact)),
                )
            return chain

        monkeypatch.setattr(chains, "extend", updated)
        assert refused(ada) == "update-needed"
        known["statements"] = [first, newer]

        ada._contacts.find(uids=[bob._uid])

        assert pin_of(ada, bob).frozen is None
        assert pin_of(ada, bob).statements == (first, newer)

    @pytest.mark.usefixtures("known")
    def test_a_statement_that_is_only_announced_freezes_nobody(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        (answer,) = world.service.find_keys(
            {"accounts": [{"address": None, "uid": bob._uid, "known_seq": 0}], "conversations": []}, ""
        ).json()["accounts"]
        hidden = {"accounts": [answer | {"head": answer["head"] | {"seq": 1, "hash": "A" * 43}}]}
        world.service.before["find_keys"] = lambda _body: httpx.Response(200, json=hidden)
        with pytest.raises(Unsafe) as stopped:
            ada._contacts.find(uids=[bob._uid])
        assert stopped.value.code == "chain-hidden"
        world.service.before.clear()

        assert ada.send(BOB, "after").to == BOB

    def test_an_older_encryption_key_is_refused_and_freezes_nobody(
        self, world: World, known: dict[str, Any], ada: Account, bob: Account
    ) -> None:
        old, new = renew(world, bob)
        ada.send(BOB, "to the new key")
        known["key"] = old
        assert refused(ada) == "chain-rollback"
        assert pin_of(ada, bob).keys == {bob._device.key.kid: new}

        known["key"] = new

        assert ada.send(BOB, "after").to == BOB


@pytest.mark.usefixtures("known")
class TestTwoProcesses:
    """A look-up takes a while; what another process of the profile pins meanwhile stays."""

    def test_a_freeze_is_kept(self, world: World, ada: Account, bob: Account) -> None:
        renew(world, bob)
        with world.reopened("ada") as other:
            frozen = replace(pin_of(other, bob), frozen=("chain-fork", "ours", "theirs"))
            meanwhile(world, lambda: frozen.save(other._state))

            assert refused(ada) == "chain-fork"

        assert pin_of(ada, bob).frozen == ("chain-fork", "ours", "theirs")

    def test_a_newer_key_is_kept_and_an_overtaken_answer_is_no_rollback(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        keys: list[str] = []

        def newer() -> None:
            keys.extend(renew(world, bob))
            other._contacts.find(uids=[bob._uid])

        with world.reopened("ada") as other:
            meanwhile(world, newer)

            (found,) = ada._contacts.find(uids=[bob._uid])

        assert found is not None
        assert list(found.contact.keys.values()) == keys[1:]
        assert pin_of(ada, bob).keys == found.contact.keys

    def test_a_mark_of_verification_is_kept(self, world: World, ada: Account, bob: Account) -> None:
        renew(world, bob)
        root = pin_of(ada, bob).chain.head.root
        with world.reopened("ada") as other:
            meanwhile(world, lambda: other._contacts.vouch(bob._uid, root))

            ada._contacts.find(uids=[bob._uid])

        assert pin_of(ada, bob).is_verified()


@pytest.mark.usefixtures("known")
def test_the_conversation_that_was_pinned_stays(ada: Account, bob: Account) -> None:
    cid = identifiers.direct_conversation(ada._uid, bob._uid)
    pair = {whose._uid: pin_of(ada, whose).chain for whose in (ada, bob)}
    pinned = ada._contacts.pinned_conversation(cid, pair)
    other = conversations.create_direct(
        uid=bob._uid, other=ada._uid, head=pair[bob._uid].head, key=bob._device.key, now=1
    )

    with pytest.raises(ForkError):
        ada._contacts.pin_conversation(cid, [other], pair)

    assert ada._contacts.pinned_conversation(cid, pair) == pinned


@pytest.mark.usefixtures("known")
def test_one_look_up_too_many_is_said_plainly(world: World, ada: Account) -> None:
    world.service.before["find_keys"] = lambda _body: problem(429, "rate-limited", {"Retry-After": "3600"})

    with pytest.raises(ServiceProblem, match="too many new addresses today") as stopped:
        ada.send("new@example.org", "hello")

    assert stopped.value.code == "rate-limited"
    assert "try again in 3600 s" in stopped.value.cure


class TestOwnAccount:
    """The service states the head of one's own chain with every session: this device knows it better."""

    def test_the_head_that_this_device_made_is_no_news(self, ada: Account) -> None:
        ada._contacts.check_own(pin_of(ada, ada).chain.head.to_json())

        assert ada._contacts.alarm() is None

    def test_a_device_that_this_one_added_is_no_news(self, ada: Account) -> None:
        own = pin_of(ada, ada)
        added = addition(ada, PrivateKey.generate(Use.SIGNING))

        assert ada._contacts.extend_own([*own.statements, added]).chain.head.seq == 1

        assert ada._contacts.own() == pin_of(ada, ada)
        assert list(ada._contacts.changes.all(new=True)) == []

    def test_what_another_device_did_is_news_once(self, world: World, ada: Account) -> None:
        other, third = (PrivateKey.generate(Use.SIGNING) for _ in range(2))
        ada._contacts.extend_own([addition(ada, other)])
        statements = [*pin_of(ada, ada).statements, addition(ada, third, by=other)]
        world.service.accounts["ada@example.org"]["statements"] = statements

        ada._contacts.check_own(chains.verify(ada._uid, statements).head.to_json())

        (change,) = ada._contacts.changes.all(new=True)
        assert (change.act, change.device, change.by, change.own) == (
            "device-added",
            third.kid,
            other.kid,
            True,
        )
        assert change.text.endswith(third.kid[:8])
        assert ada._contacts.alarm() is None
        ada._contacts.changes.mark_shown(change)
        assert list(ada._contacts.changes.all(new=True)) == []
        assert list(ada._contacts.changes.all(new=False)) == [change]

    def test_a_bad_statement_freezes(self, world: World, ada: Account) -> None:
        stored = world.service.accounts["ada@example.org"]
        stored["statements"].append(revocation(ada, PrivateKey.generate(Use.SIGNING)))
        head = pin_of(ada, ada).chain.head.to_json()
        stated = head | {"seq": 1, "hash": encoding.digest(stored["statements"][1])}

        with pytest.raises(Unsafe) as alarm:
            ada._contacts.check_own(stated)

        assert alarm.value.code == Code.UNKNOWN_DEVICE
        assert str(alarm.value).startswith("your own account")
        frozen = ada._contacts.alarm()
        assert frozen is not None
        assert frozen.code == Code.UNKNOWN_DEVICE

    def test_a_reset_that_this_device_did_not_make_freezes(self, ada: Account) -> None:
        reset = acts.reset(pin_of(ada, ada).chain, PrivateKey.generate(Use.SIGNING), 0)

        with pytest.raises(Unsafe) as alarm:
            ada._contacts.extend_own([reset])

        assert alarm.value.code == Code.KEY_CHANGE
        again = ada._contacts.alarm()
        assert again is not None
        assert str(again) == str(alarm.value)
        frozen = pin_of(ada, ada).frozen
        assert frozen is not None
        assert frozen[2] == reset

    def test_a_device_that_was_removed_knows_it(self, ada: Account) -> None:
        assert ada._contacts.removed() is None

        ada._contacts.extend_own([revocation(ada, ada._device.key)])

        removed = ada._contacts.removed()
        assert removed is not None
        assert removed.code == "device-not-active"

    def test_a_chain_is_begun_where_this_device_is_active_alone(self, ada: Account) -> None:
        own = pin_of(ada, ada)
        ada._state.delete(Kind.CONTACT, own.uid)
        assert ada._contacts.own() is None
        with pytest.raises(DeviceNotActive):
            ada._contacts.extend_own(own.statements)
        with pytest.raises(DeviceNotActive):
            ada._contacts.find(uids=[own.uid])
        foreign = chains.first_statement(uid=own.uid, key=PrivateKey.generate(Use.SIGNING), now=1)
        with pytest.raises(Unsafe) as refused:
            ada._contacts.begin_own([foreign])
        assert refused.value.code == Code.UNKNOWN_DEVICE

        assert ada._contacts.begin_own(own.statements).statements == own.statements

    @pytest.mark.parametrize(("head", "code"), [(None, "chain-rollback"), ({"hash": "A" * 43}, "chain-fork")])
    def test_two_answers_that_differ_alarm_without_a_freeze(
        self, ada: Account, head: dict[str, Any] | None, code: str
    ) -> None:
        own = pin_of(ada, ada).chain.head.to_json()

        with pytest.raises(Unsafe) as alarm:
            ada._contacts.check_own(None if head is None else own | head)

        assert alarm.value.code == code
        assert ada._contacts.alarm() is None


HEAD = {"uid": "u", "root": "A" * 43, "seq": 0, "hash": "A" * 43}


@pytest.mark.parametrize(
    "accounts",
    [
        None,
        [],
        [5],
        [[]],
        [{"head": None, "statements": [], "encryption_keys": []}],
        [{"head": HEAD, "encryption_keys": []}],
        [{"head": HEAD, "statements": 5, "encryption_keys": []}],
        [{"head": HEAD, "statements": [5], "encryption_keys": []}],
        [{"head": HEAD, "statements": [], "encryption_keys": {}}],
    ],
)
def test_an_answer_of_another_shape_is_no_answer(world: World, ada: Account, accounts: object) -> None:
    world.service.before["find_keys"] = lambda _body: httpx.Response(200, json={"accounts": accounts})

    with pytest.raises(ServiceUnavailable) as odd:
        ada._contacts.find(addresses=[BOB])

    assert odd.value.code == "bad-answer"


@pytest.mark.parametrize("head", [{}, "head", {"uid": "ada", "root": 1, "seq": 0, "hash": "x"}])
def test_a_head_that_cannot_be_read_raises_no_alarm(world: World, ada: Account, head: object) -> None:
    with pytest.raises(ServiceUnavailable) as refused:
        ada._contacts.check_own(head)

    assert refused.value.code == "bad-answer"
    assert ada._contacts.alarm() is None
