"""What a service says that was restored from a backup, on the wire."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.functions.arena import Arena, Member
from tests.functions.calls import CALLS, answered, send_message
from tests.functions.refusals import refused
from tests.signing import next_statement


@contextmanager
def restored(arena: Arena, *members: Member) -> Iterator[None]:
    ids = [member.signing.kid for member in members]
    mark = "update devices set restored = cast(:is as boolean) where id = any(cast(:ids as text[]))"
    arena.sql.run(mark, ids=ids, **{"is": True})
    try:
        yield
    finally:
        arena.sql.run(mark, ids=ids, **{"is": False})


def test_a_message_waits_for_the_keys_of_its_sender_and_its_receiver(arena: Arena) -> None:
    alice, bob = arena.members["alice"], arena.members["bob"]
    for marked, uids in (((bob,), [bob.uid]), ((alice,), [alice.uid]), ((alice, bob), [alice.uid])):
        with restored(arena, *marked):
            answer = refused(arena, send_message(arena), 409, "restored")
            assert answer.json["uids"] == uids
    assert arena.ask(send_message(arena)).status == 200


def test_a_restored_devices_key_is_not_handed_out(arena: Arena) -> None:
    bob = arena.members["bob"]
    with restored(arena, bob):
        found = arena.ask(CALLS["find_keys"](arena)).json["accounts"]
        assert [len(account["encryption_keys"]) for account in found] == [0, 1]
    found = arena.ask(CALLS["find_keys"](arena)).json["accounts"]
    assert [len(account["encryption_keys"]) for account in found] == [1, 1]


def test_a_session_tells_its_device_to_publish(arena: Arena) -> None:
    with restored(arena, arena.members["bob"]):
        assert arena.ask(answered(arena, "refresh_session")).json["device"]["restored"] is True
    assert arena.ask(answered(arena, "refresh_session")).json["device"]["restored"] is False


@pytest.mark.parametrize("ago", [3_600, 0])
def test_what_no_restore_has_lost_is_not_taken_back(arena: Arena, ago: int) -> None:
    alice, bob = arena.members["alice"], arena.members["bob"]
    tokens = alice.access_token, arena.begin(bob.address, bob.signing)["access_token"]
    statement = next_statement(
        alice.signing, alice.uid, alice.head, "set-history-key", time.time() - ago, key=None, backup=None
    )
    body = {"uid": alice.uid, "statements": [statement]}
    with arena.untouched():
        for token in tokens:
            ask = arena.post("resubmit_statements", body, token)
            refused(arena, ask, 400, "invalid-request")
