"""Alice's other devices: a tablet that asks to be linked, and a laptop that was linked and is removed again."""

import time
from dataclasses import replace

from tests.functions.arena import Arena, Member
from tests.functions.exchange import Ask
from tests.signing import Key, digest, encryption_key, key, next_statement, possession

MAC = digest("the mac of a secret that the service never sees")


def enter_devices(arena: Arena) -> None:
    """Alice's tablet waits, and her laptop has come and gone. Her chain is three statements long."""
    arena.members["tablet"] = _signed_in(arena, key("alice_tablet_signing"), key("alice_tablet_encryption"))
    laptop = _signed_in(arena, key("alice_phone_signing"), key("alice_phone_encryption"))
    pop = _request(arena, laptop)
    assert arena.ask(pop).status == 200
    alice = arena.members["alice"]
    now = time.time()
    granted = next_statement(
        alice.signing,
        alice.uid,
        alice.head,
        "add-device",
        now,
        device=laptop.signing.jwk(),
        pop=pop.json["pop"],
    )
    arena.members["laptop"] = replace(laptop, statement=granted)
    answer = arena.ask(grant_link(arena))
    assert answer.status == 200, answer.text
    head = (1, digest(granted))
    removal = next_statement(alice.signing, alice.uid, head, "revoke-device", now, device=laptop.signing.kid)
    body = {"statement": removal, "encryption_key": None}
    body["proof"] = arena.proof("publish_key", alice.signing, alice.access_token)
    answer = arena.ask(arena.post("publish_key", body, alice.access_token))
    assert answer.status == 200, answer.text
    arena.members["alice"] = replace(alice, head=(2, digest(removal)))
    arena.sql.run("delete from link_requests")


def request_link(arena: Arena) -> Ask:
    """Each time another one in the place of the one before."""
    return _request(arena, arena.members["tablet"])


def get_link_request(arena: Arena) -> Ask:
    return arena.post("get_link_request", {}, arena.members["alice"].access_token)


def grant_link(arena: Arena) -> Ask:
    """What stands in the chain already, so that the answer changes nothing."""
    alice = arena.members["alice"]
    body = {"statement": arena.members["laptop"].statement, "mac": MAC}
    body["proof"] = arena.proof("grant_link", alice.signing, alice.access_token)
    return arena.post("grant_link", body, alice.access_token)


def get_link_grant(arena: Arena) -> Ask:
    return arena.post("get_link_grant", {}, arena.members["tablet"].access_token)


def veto_reset(arena: Arena) -> Ask:
    """Of a reset that nobody wishes."""
    alice = arena.members["alice"]
    proof = arena.proof("veto_reset", alice.signing, alice.access_token)
    return arena.post("veto_reset", {"proof": proof}, alice.access_token)


def _signed_in(arena: Arena, signing: Key, wrapping: Key) -> Member:
    """A device of Alice's that her chain does not know."""
    alice = arena.members["alice"]
    opened = arena.begin(alice.address, signing)
    return replace(
        alice,
        signing=signing,
        wrapping=wrapping,
        session=opened["session_id"],
        access_token=opened["access_token"],
        refresh_token=opened["refresh_token"],
    )


def _request(arena: Arena, device: Member) -> Ask:
    now, root = time.time(), digest(arena.members["alice"].statement)
    enc = encryption_key(device.signing, device.wrapping, device.uid, now)
    pop = possession(device.signing, device.uid, root, enc, now, audience=arena.url)
    body = {"pop": pop, "encryption_key": enc, "mac": MAC}
    body["proof"] = arena.proof("request_link", device.signing, device.access_token)
    return arena.post("request_link", body, device.access_token)
