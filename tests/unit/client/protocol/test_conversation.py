"""Conversations against chains that are missing, or that lost the signing device."""

from dataclasses import replace

import pytest

from sealpost.protocol import conversation
from sealpost.protocol.errors import ForkError, HiddenError, ProtocolError
from tests.vectors.messages import OTHER_HASH
from tests.vectors.people import NOW, direct, person


def test_the_makers_chain_is_asked_for() -> None:
    made, bob = direct("alice", "bob"), person("bob")
    with pytest.raises(HiddenError) as raised:
        conversation.verify(made.cid, made.statements, chains={bob.uid: bob.chain})
    assert raised.value.chains == {person("alice").uid: 0}


def test_a_device_that_was_removed_makes_no_conversation() -> None:
    made, alice = direct("alice", "bob"), person("alice")
    gone = replace(alice.chain.devices[alice.device], removed=0, removed_at=NOW)
    with pytest.raises(ProtocolError, match="unknown-device"):
        conversation.verify(
            made.cid, made.statements, chains={alice.uid: replace(alice.chain, devices={gone.id: gone})}
        )


def test_a_device_that_the_maker_never_had_makes_no_conversation() -> None:
    bob, mallory = person("bob"), person("mallory")
    made = direct("mallory", "bob")
    without = replace(mallory.chain, devices={bob.device: bob.chain.devices[bob.device]})
    with pytest.raises(ProtocolError, match="unknown-device"):
        conversation.verify(made.cid, made.statements, chains={mallory.uid: without})


def test_no_statement_is_no_conversation() -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        conversation.verify(direct("alice", "bob").cid, [], chains={})


def test_members_are_those_at_the_named_statement() -> None:
    made = direct("alice", "bob")
    assert made.members_at(*made.head) == made.members
    with pytest.raises(ForkError) as fork:
        made.members_at(0, OTHER_HASH)
    assert (fork.value.ours, fork.value.theirs) == (made.head[1], OTHER_HASH)
    with pytest.raises(HiddenError):
        made.members_at(1, OTHER_HASH)
