"""A device is linked, removed and reset through the service itself, down to what it may read."""

import json
import time
import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.functions.arena import Arena, Member
from tests.functions.devices import MAC
from tests.functions.exchange import Ask
from tests.functions.refusals import refused
from tests.signing import digest, encryption_key, key, next_statement, possession

DAY = 86_400


@pytest.fixture
def carol(arena: Arena) -> Member:
    """Somebody new, with one active device."""
    carol = arena.enter(f"carol {uuid.uuid4().hex}".replace(" ", "-"))
    return refreshed(arena, carol)


def proven(arena: Arena, who: Member, name: str, **members: Any) -> Ask:
    proof = arena.proof(name, who.signing, who.access_token)
    return arena.post(name, {**members, "proof": proof}, who.access_token)


def another(arena: Arena, who: Member) -> Member:
    """A further device of the person's, pending."""
    signing = key(f"signing {uuid.uuid4()}")
    opened = arena.begin(who.address, signing)
    assert opened["device"] == {"id": signing.kid, "state": "pending", "restored": False}
    assert opened["firebase"]["custom_token"] is None
    return replace(
        who,
        signing=signing,
        wrapping=key(f"wrapping {signing.kid}"),
        session=opened["session_id"],
        access_token=opened["access_token"],
        refresh_token=opened["refresh_token"],
    )


def refreshed(arena: Arena, who: Member) -> Member:
    token = who.refresh_token
    proof = arena.proof("refresh_session", who.signing, token)
    answer = arena.ask(arena.post("refresh_session", {"refresh_token": token, "proof": proof}))
    assert answer.status == 200, answer.text
    head = answer.json["head"]
    return replace(
        who,
        head=(head["seq"], head["hash"]),
        access_token=answer.json["access_token"],
        refresh_token=answer.json["refresh_token"],
    )


def documents(arena: Arena, who: Member) -> set[str]:
    """The sessions of the person that may read."""
    names = (json.loads(document)["name"] for document in arena.documents())
    return {name.rpartition("/")[2] for name in names if f"/accounts/{who.uid}/sessions/" in name}


def statement(who: Member, act: str, **carried: Any) -> str:
    return next_statement(who.signing, who.uid, who.head, act, time.time(), **carried)


def asking(arena: Arena, device: Member) -> Ask:
    now = time.time()
    enc = encryption_key(device.signing, device.wrapping, device.uid, now)
    root = digest(device.statement)
    pop = possession(device.signing, device.uid, root, enc, now, audience=arena.url)
    return proven(arena, device, "request_link", pop=pop, encryption_key=enc, mac=MAC)


def linked(arena: Arena, by: Member, device: Member) -> Member:
    """The device once `by` has granted its request and it has renewed its session."""
    assert arena.ask(asking(arena, device)).status == 200
    waiting = arena.ask(arena.post("get_link_request", {}, by.access_token)).json["request"]
    assert waiting["mac"] == MAC
    added = statement(by, "add-device", device=device.signing.jwk(), pop=waiting["pop"])
    answer = arena.ask(proven(arena, by, "grant_link", statement=added, mac=MAC))
    assert answer.status == 200, answer.text
    assert answer.json["head"]["hash"] == digest(added)
    told = arena.ask(arena.post("get_link_grant", {}, device.access_token)).json
    assert (told["state"], told["mac"], told["head"]) == ("granted", MAC, answer.json["head"])
    assert told["statements"] == [by.statement, added]
    return refreshed(arena, device)


def test_a_linked_device_reads_until_it_is_removed(arena: Arena, carol: Member) -> None:
    laptop = another(arena, carol)
    refused(
        arena, arena.post("get_link_request", {}, laptop.access_token), 403, "device-not-active", "pending"
    )
    assert documents(arena, carol) == {carol.session}
    laptop = linked(arena, carol, laptop)
    assert documents(arena, carol) == {carol.session, laptop.session}
    carol = refreshed(arena, carol)
    removal = statement(carol, "revoke-device", device=laptop.signing.kid)
    for _ in range(2):
        answer = arena.ask(proven(arena, carol, "publish_key", statement=removal, encryption_key=None))
        assert answer.json["head"]["hash"] == digest(removal)
        assert answer.json["device"] == {"id": carol.signing.kid, "state": "active"}
    assert documents(arena, carol) == {carol.session}
    refused(arena, arena.post("get_link_grant", {}, laptop.access_token), 401, "unauthenticated", "ended")
    asked = {"accounts": [{"address": None, "uid": carol.uid, "known_seq": -1}], "conversations": []}
    found = arena.ask(arena.post("find_keys", asked, carol.access_token)).json["accounts"][0]
    assert found["encryption_keys"] == [carol.encryption_key]


def test_a_device_that_removes_itself_is_out(arena: Arena, carol: Member) -> None:
    removal = statement(carol, "revoke-device", device=carol.signing.kid)
    ask = proven(arena, carol, "publish_key", statement=removal, encryption_key=None)
    assert arena.ask(ask).json["device"] == {"id": carol.signing.kid, "state": "revoked"}
    assert documents(arena, carol) == set()
    again = proven(arena, carol, "publish_key", statement=removal, encryption_key=None)
    refused(arena, again, 401, "unauthenticated")


def test_one_device_waits_at_a_time(arena: Arena, carol: Member) -> None:
    first, second = another(arena, carol), another(arena, carol)
    until = arena.ask(asking(arena, first)).json["expires_at"]
    answer = refused(arena, asking(arena, second), 409, "link-pending")
    assert answer.json["expires_at"] == until
    assert abs(until - time.time() - 600) < 60


def resetting(arena: Arena, device: Member) -> Ask:
    reset = statement(device, "reset", device=device.signing.jwk())
    enc = encryption_key(device.signing, device.wrapping, device.uid, time.time())
    return proven(arena, device, "publish_key", statement=reset, encryption_key=enc)


def test_a_reset_waits_is_vetoed_and_comes_due(arena: Arena, carol: Member) -> None:
    tablet = another(arena, carol)
    answer = refused(arena, resetting(arena, tablet), 409, "reset-delayed")
    due_at = answer.json["due_at"]
    assert abs(due_at - time.time() - DAY) < 60
    assert documents(arena, carol) == {carol.session}
    assert arena.ask(proven(arena, carol, "veto_reset")).status == 204
    refused(arena, proven(arena, tablet, "veto_reset"), 403, "device-not-active")
    arena.sql.run(
        "update sessions set created_at = created_at - interval '10 minutes' where id = :id",
        id=tablet.session,
    )
    refused(arena, resetting(arena, tablet), 403, "forbidden", "vetoed, and of an old link")
    tablet = another(arena, carol)
    refused(arena, resetting(arena, tablet), 409, "reset-delayed")
    arena.sql.run(
        "update reset_requests set requested_at = now() - interval '1 day', due_at = now() - interval '1 s' where uid = :uid",
        uid=carol.uid,
    )
    answer = arena.ask(resetting(arena, tablet))
    assert answer.json["device"] == {"id": tablet.signing.kid, "state": "active"}
    assert answer.json["head"]["root"] == answer.json["head"]["hash"]
    assert documents(arena, carol) == {tablet.session}
    refused(arena, proven(arena, carol, "veto_reset"), 401, "unauthenticated")
