"""Chains as they grow and are pinned; single statements are in the vectors."""

from dataclasses import replace

import pytest

from sealpost.protocol import chain, encoding
from sealpost.protocol.errors import Code, ForkError, HiddenError, ProtocolError
from tests.vectors.people import NOW, UIDS, person, private_key

OTHER = encoding.digest("x")


def test_a_chain_begins_with_its_first_device() -> None:
    alice = person("alice")
    assert alice.chain.head == chain.Head(alice.uid, alice.chain.hashes[0], 0, alice.chain.hashes[0])
    assert [device.id for device in alice.chain.active_devices] == [alice.device]
    assert alice.chain.active(alice.device).key == alice.signing.public
    assert alice.chain.times == (NOW,)


def test_the_same_statement_again_changes_nothing() -> None:
    own = person("alice").chain
    assert chain.extend(own, own.statements) == own
    assert chain.extend(own, []) == own


def test_a_fork_keeps_both_statements() -> None:
    own = person("alice").chain
    other = chain.first_statement(uid=own.uid, key=private_key("alice_signing"), now=NOW + 1)
    with pytest.raises(ForkError) as raised:
        chain.extend(own, [other])
    assert (raised.value.ours, raised.value.theirs) == (own.statements[0], other)


def test_the_servers_head_is_the_verified_one() -> None:
    own = person("alice").chain
    own.check_head(own.head)
    cases = [
        (chain.Head(UIDS["bob"], own.head.root, 0, own.head.hash), Code.MALFORMED),
        (chain.Head(own.uid, own.head.root, 1, OTHER), Code.CHAIN_HIDDEN),
        (chain.Head(own.uid, own.head.root, 0, OTHER), Code.CHAIN_FORK),
        (chain.Head(own.uid, OTHER, 0, own.head.hash), Code.CHAIN_FORK),
        (chain.Head(own.uid, own.head.root, -1, own.head.hash), Code.CHAIN_ROLLBACK),
    ]
    for head, code in cases:
        with pytest.raises(ProtocolError) as raised:
            own.check_head(head)
        assert raised.value.code is code


def test_a_newer_head_says_what_to_fetch() -> None:
    own = person("alice").chain
    with pytest.raises(HiddenError) as raised:
        own.check_reference(3, OTHER)
    assert raised.value.chains == {own.uid: 3}
    assert raised.value.conversation is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"uid": "a", "root": OTHER, "seq": True, "hash": OTHER},
        {"uid": "a", "root": "x", "seq": 0, "hash": OTHER},
    ],
)
def test_a_head_of_another_shape_is_malformed(value: object) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        chain.Head.parse(value)


def test_members_of_an_answer_that_are_not_known_are_ignored() -> None:
    head = person("alice").chain.head
    assert chain.Head.parse(head.to_json() | {"later": 1}) == head


def test_a_device_is_active_between_its_statements() -> None:
    device = chain.Device(person("alice").signing.public, added=1, removed=3, removed_at=NOW)
    assert [device.active_at(seq) for seq in range(5)] == [False, True, True, False, False]


def test_a_device_that_is_not_active_is_unknown() -> None:
    with pytest.raises(ProtocolError, match="unknown-device"):
        person("alice").chain.active(person("bob").device)
    alice = person("alice")
    removed = replace(alice.chain.devices[alice.device], removed=0, removed_at=NOW)
    with pytest.raises(ProtocolError, match="unknown-device"):
        replace(alice.chain, devices={alice.device: removed}).active(alice.device)
