"""Whom a message goes to, how long keys live, and what every refusal says to a person."""

import ast
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sealpost.protocol
from sealpost.protocol import bounds, conversation, encryption_keys, identifiers, recipients
from sealpost.protocol.body import Pin, Pins, Text
from sealpost.protocol.chain import Head
from sealpost.protocol.errors import NOTICES, SENTENCES, Code, Notice, ProtocolError
from tests.vectors.people import NOW, person

DAY = 86_400


def member(name: str, *, keys: bool = True) -> recipients.Member:
    someone = person(name)
    return recipients.Member(someone.chain, {someone.device: someone.key} if keys else {})


def choose(now: int = NOW, **members: recipients.Member) -> recipients.Recipients:
    return recipients.choose(
        {person(name).uid: found for name, found in members.items()},
        sender=person("alice").uid,
        sending_device=person("alice").device,
        now=now,
        expires=False,
    )


def test_every_device_but_the_sending_one_is_a_recipient() -> None:
    chosen = choose(alice=member("alice"), bob=member("bob"))
    assert chosen == recipients.Recipients((person("bob").encryption.public,), ())


def test_recipients_ascend_by_kid() -> None:
    chosen = choose(alice=member("alice"), bob=member("bob"), mallory=member("mallory"))
    kids = [key.kid for key in chosen.keys]
    assert kids == sorted(kids)
    assert len(kids) == 2


@pytest.mark.parametrize("now", [NOW + 30 * DAY, NOW + 31 * DAY])
def test_a_direct_message_needs_a_key_that_lives(now: int) -> None:
    with pytest.raises(ProtocolError, match="no-active-device"):
        choose(now, alice=member("alice"), bob=member("bob"))
    assert choose(NOW + 30 * DAY - 1, alice=member("alice"), bob=member("bob")).keys


def test_a_direct_message_needs_a_key_at_all() -> None:
    with pytest.raises(ProtocolError, match="no-active-device"):
        choose(alice=member("alice"), bob=member("bob", keys=False))


def test_a_removed_device_is_no_recipient() -> None:
    bob = person("bob")
    device = replace(bob.chain.devices[bob.device], removed=0, removed_at=NOW)
    removed = recipients.Member(replace(bob.chain, devices={device.id: device}), {device.id: bob.key})
    with pytest.raises(ProtocolError, match="no-active-device"):
        choose(alice=member("alice"), bob=removed)


def test_in_a_larger_round_who_cannot_read_is_left_out_and_named() -> None:
    chosen = choose(alice=member("alice"), bob=member("bob"), mallory=member("mallory", keys=False))
    assert chosen == recipients.Recipients((person("bob").encryption.public,), (person("mallory").uid,))


def test_a_retry_stops_at_a_change_of_roots_or_members() -> None:
    alice, bob = person("alice").chain.head, person("bob").chain.head
    before = {alice.uid: alice, bob.uid: bob}
    recipients.check_unchanged(before, before)
    recipients.check_unchanged(before, before | {bob.uid: replace(bob, seq=4, hash=alice.hash)})
    reset = before | {bob.uid: Head(bob.uid, alice.root, 4, alice.root)}
    for after in (reset, {alice.uid: alice}, before | {"carol": replace(bob, uid="carol")}):
        with pytest.raises(ProtocolError, match="key-change"):
            recipients.check_unchanged(before, after)


def test_a_key_ends_after_thirty_days_and_is_destroyed_a_day_later() -> None:
    key = person("alice").key
    assert [key.expired(NOW + 30 * DAY + late) for late in (-1, 0)] == [False, True]
    assert [
        encryption_keys.may_destroy(ended_at=NOW, catch_up_started_at=NOW + DAY + late) for late in (-1, 0)
    ] == [False, True]


def test_a_signing_key_is_never_announced_for_encryption() -> None:
    alice = person("alice")
    with pytest.raises(ValueError, match="does not encrypt"):
        encryption_keys.key_statement(
            uid=alice.uid, signing_key=alice.signing, encryption_key=alice.signing.public, n=1, now=NOW
        )


def test_a_pin_belongs_to_its_device() -> None:
    alice, bob = person("alice"), person("bob")
    with pytest.raises(ValueError, match="another device"):
        encryption_keys.verify(alice.key.statement, chain=alice.chain, now=NOW, pinned=bob.key)
    assert (
        encryption_keys.verify(alice.key.statement, chain=alice.chain, now=NOW, pinned=alice.key) == alice.key
    )


def test_a_conversation_is_made_with_ones_own_head() -> None:
    alice, bob = person("alice"), person("bob")
    with pytest.raises(ValueError, match="another account"):
        conversation.create_direct(
            uid=alice.uid, other=bob.uid, head=bob.chain.head, key=alice.signing, now=NOW
        )
    made = conversation.create_self(uid=alice.uid, head=alice.chain.head, key=alice.signing, now=NOW)
    cid = identifiers.self_conversation(alice.uid)
    assert conversation.verify(cid, [made], chains={alice.uid: alice.chain}).members == (alice.uid,)


def pin(uid: str = "bob", **changed: Any) -> dict[str, Any]:
    head = person("bob").chain.head
    usual = {
        "uid": uid,
        "head": [head.seq, head.hash],
        "verified": [head.root, head.seq, head.hash],
        "addresses": ["bob@example.org"],
    }
    return usual | changed


def test_pins() -> None:
    body = {"type": "pins", "pins": [pin(), pin("carol", verified=None, addresses=[])]}
    pins = Pins.parse(body | {"later": 1})
    assert pins.to_json() == body
    assert [entry.uid for entry in pins.pins] == ["bob", "carol"]
    with pytest.raises(ProtocolError, match="update-needed"):
        Pins.parse({"type": "text"})


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {},
        [pin(), pin()],
        [pin(str(number)) for number in range(51)],
        [pin(later=1)],
        [pin("a-b")],
        [pin(head=[0])],
        [pin(head=[True, "x"])],
        [pin(verified=[0, "x"])],
        [pin(verified=["x", *pin()["head"]])],
        [pin(verified={})],
        [pin(addresses="bob@example.org")],
        [pin(addresses=[1])],
        [pin(addresses=[""])],
        [pin(addresses=["a" * 255])],
        [pin(addresses=["a@example.org"] * 5)],
    ],
)
def test_pins_of_another_shape_are_malformed(wrong: object) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        Pins.parse({"type": "pins", "pins": wrong})


def test_many_pins_are_several_messages() -> None:
    pins = [Pin.parse(pin(f"u{number}")) for number in range(120)]
    bodies = Pins.split(pins)
    assert [len(body.pins) for body in bodies] == [50, 50, 20]
    assert [entry for body in bodies for entry in body.pins] == pins
    assert Pins.split([]) == ()
    long = [Pin.parse(pin(f"u{number}", addresses=["é" * 254] * 4)) for number in range(50)]
    assert all(body.size <= bounds.MAX_BODY for body in Pins.split(long))
    assert sum(len(body.pins) for body in Pins.split(long)) == 50


def test_bodies() -> None:
    text = Text("hello", "alice@example.org")
    assert Text.parse(text.to_json()) == text
    assert Text.parse(text.to_json() | {"later": 1}) == text
    assert "hello" not in repr(text)
    with pytest.raises(ProtocolError, match="update-needed"):
        Text.parse({"type": "image"})
    for wrong in ({"type": "text", "text": 1, "from": "a"}, {"type": "text", "text": "a"}):
        with pytest.raises(ProtocolError, match="malformed"):
            Text.parse(wrong)


def test_every_code_has_a_sentence_for_a_person() -> None:
    assert set(SENTENCES) == set(Code)
    assert set(NOTICES) == set(Notice)
    for sentence in (*SENTENCES.values(), *NOTICES.values()):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "'" not in sentence or "'s" in sentence or "s'" in sentence
    assert ProtocolError(Code.EXPIRED, "x").sentence == SENTENCES[Code.EXPIRED]


def test_the_protocol_is_pure() -> None:
    """No clock, no file, no network, nothing of the service's code; jwcrypto in one place alone."""
    allowed = {"argon2", "cryptography", "jwcrypto", "sealpost"}
    clocks_and_doors = {
        "asyncio",
        "datetime",
        "io",
        "os",
        "pathlib",
        "random",
        "socket",
        "ssl",
        "time",
        "urllib",
    }
    for path in Path(next(iter(sealpost.protocol.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                assert top in allowed | sys.stdlib_module_names - clocks_and_doors, f"{path.name}: {name}"
                assert top != "sealpost" or name.startswith("sealpost.protocol"), f"{path.name}: {name}"
                assert top != "jwcrypto" or path.name == "jose.py", f"{path.name}: {name}"
