"""Keys, proofs and statements that are none of the protocol's, to every function that takes one."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from common.jose import decode_base64url
from tests.functions.arena import Arena
from tests.functions.calls import CALLS, PROVEN, caller
from tests.functions.exchange import Ask
from tests.functions.refusals import refused, spoiled_jws, spoiled_keys, stray
from tests.signing import b64, encryption_key, envelope, first_device, key

every_proven = pytest.mark.parametrize("name", PROVEN)

PROOF = "sealpost-session+jwt"
CONVERSATION = "sealpost-conv+jwt"
PUBLISHED = {"statement": "sealpost-key+jwt", "encryption_key": "sealpost-enc+jwt"}
"""The members of publish_key's body, and the types of what they hold."""


def payload_of(compact: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode_base64url(compact.split(".")[1], "payload"))
    return claims


def publishing(arena: Arena, **changed: Any) -> Ask:
    """publish_key with a new proof and other statements."""
    return CALLS["publish_key"](arena).changed(**changed)


@every_proven
def test_a_proof_is_a_signature_of_the_device_in_the_one_form(arena: Arena, name: str) -> None:
    signing = caller(arena, name).signing
    good = CALLS[name](arena)
    with arena.untouched():
        for why, proof in spoiled_jws(signing, PROOF, payload_of(good.json["proof"])):
            refused(arena, good.changed(proof=proof), 401, "invalid-proof", why)


@every_proven
def test_a_proof_is_for_this_call_now(arena: Arena, name: str) -> None:
    signing, now = caller(arena, name).signing, int(time.time())
    good = CALLS[name](arena)
    claims = payload_of(good.json["proof"])
    url, ath = f"{arena.url}/v1/{name}", claims["ath"]
    other = next(one for one in PROVEN if one != name)
    changes: dict[str, list[Any]] = {
        "aud": ["https://other.example", f"{arena.url}/", [arena.url], None],
        "htm": ["GET", "post", None],
        "htu": [f"{arena.url}/v1/{other}", f"{url}/", f"{url}?x", f"/v1/{name}", None],
        "iat": [now - 130, now + 130, str(now), float(now), True, None, 0, -1, 2**63],
        "jti": ["", "x" * 21, "x" * 129, "x" * 21 + "=", "x" * 21 + "+", "x" * 22 + "\n", 1, None],
        "ath": [ath[:-1], f"{ath}=", stray(ath), b64(bytes(32)), "", "\u00fc", None, 1],
    }
    with arena.untouched():
        for member, values in changes.items():
            for value in values:
                proof = signing.sign(PROOF, claims | {member: value})
                answer = refused(arena, good.changed(proof=proof), 401, "invalid-proof", (member, value))
                assert answer.headers["www-authenticate"] == "Bearer"


@every_proven
def test_a_proof_of_another_device_proves_nothing(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    claims = payload_of(good.json["proof"])
    with arena.untouched():
        for device in (arena.members["bob"].signing, key("mallory_signing")):
            theirs, forged = device.sign(PROOF, claims), device.forge(good.json["proof"])
            refused(arena, good.changed(proof=theirs), 401, "invalid-proof", "their own")
            refused(arena, good.changed(proof=forged), 401, "invalid-proof", "forged")


def using_up(arena: Arena) -> Iterator[tuple[Ask, str]]:
    """Calls that use their proof up, and what becomes of the same call again."""
    yield CALLS["publish_key"](arena), "invalid-proof"
    yield CALLS["revoke_session"](arena).changed(session_id="A" * 22), "invalid-proof"
    bob = arena.members["bob"]
    code = arena.code(bob.address)
    body = {"email": bob.address, "code": code, "device": bob.signing.jwk()}
    body["proof"] = arena.proof("create_session", bob.signing, code)
    yield arena.post("create_session", body), "invalid-code"


def test_a_proof_counts_once(arena: Arena) -> None:
    for ask, code in using_up(arena):
        assert arena.ask(ask).status in {200, 404}, ask.path
        with arena.untouched():
            for _ in range(2):
                refused(arena, ask, 401, code, ask.path)


def test_a_proof_for_one_refresh_token_is_none_for_the_next(arena: Arena) -> None:
    bob = arena.members["bob"]
    token = arena.begin(bob.address, bob.signing)["refresh_token"]
    body = {"refresh_token": token, "proof": arena.proof("refresh_session", bob.signing, token)}
    successor = arena.ask(arena.post("refresh_session", body)).json["refresh_token"]
    assert successor != token
    with arena.untouched():
        replayed = arena.post("refresh_session", body | {"refresh_token": successor})
        refused(arena, replayed, 401, "invalid-proof")


def test_a_device_has_a_key_of_the_protocol(arena: Arena) -> None:
    """Each key signs its proof itself, so that nothing but the key is wrong."""
    good = CALLS["create_session"](arena)
    claims = payload_of(good.json["proof"])
    with arena.untouched():
        for why, device, jwk in spoiled_keys("PS256", "sig"):
            header = {"alg": "PS256", "typ": PROOF, "kid": jwk.get("kid", "")}
            proof = device.sign(PROOF, claims, header=header)
            refused(arena, good.changed(device=jwk, proof=proof), 400, "invalid-request", why)


def test_a_device_that_is_published_has_a_key_of_the_protocol(arena: Arena) -> None:
    alice = arena.members["alice"]
    with arena.untouched():
        for why, _, jwk in spoiled_keys("PS256", "sig"):
            statement = first_device(alice.signing, alice.uid, time.time(), device=jwk)
            refused(arena, publishing(arena, statement=statement), 400, "invalid-request", why)


def test_an_encryption_key_is_one_of_the_protocol(arena: Arena) -> None:
    alice, spare = arena.members["alice"], key("mallory_encryption")
    with arena.untouched():
        for why, _, jwk in spoiled_keys("RSA-OAEP-256", "enc"):
            statement = encryption_key(alice.signing, spare, alice.uid, time.time(), n=2, keys=[jwk])
            refused(arena, publishing(arena, encryption_key=statement), 400, "invalid-request", why)


@pytest.mark.parametrize("member", PUBLISHED)
def test_what_is_published_is_signed_in_the_one_form(arena: Arena, member: str) -> None:
    alice = arena.members["alice"]
    claims = payload_of(getattr(alice, member))
    with arena.untouched():
        for why, statement in spoiled_jws(alice.signing, PUBLISHED[member], claims):
            refused(arena, publishing(arena, **{member: statement}), 400, "invalid-request", why)


def test_a_conversation_is_signed_in_the_one_form(arena: Arena) -> None:
    good = CALLS["create_conversation"](arena)
    claims = payload_of(good.json["statement"])
    with arena.untouched():
        for why, statement in spoiled_jws(arena.members["alice"].signing, CONVERSATION, claims):
            refused(arena, good.changed(statement=statement), 400, "invalid-request", why)


@pytest.mark.parametrize("member", [*PUBLISHED, "conversation"])
def test_a_statement_is_the_callers_and_of_now(arena: Arena, member: str) -> None:
    alice, bob, now = arena.members["alice"], arena.members["bob"], int(time.time())
    conversation = CALLS["create_conversation"](arena)
    typ = PUBLISHED.get(member, CONVERSATION)
    good = conversation.json["statement"] if member == "conversation" else getattr(alice, member)
    claims = payload_of(good)
    twice_bob = [[bob.uid, "member"], [bob.uid, "member"]]
    changes: dict[str, list[Any]] = {
        "v": [0, 2, "1", True, 1.0, None],
        "iss": [bob.uid, "", None],
        "iat": [now - 700, now + 700, str(now), None],
        "ext": [[], None, "x"],
        "seq": [1, -1, "0", False],
        "n": [0, -1, "2", 2**53],
        "device": [bob.signing.kid, bob.signing.jwk(), None],
        "dev": [bob.signing.kid, None],
        "head": [[0, "x"], [0], None, [str(alice.head[0]), alice.head[1]]],
        "members": [[], [[alice.uid, "member"]], twice_bob, [[alice.uid, "admin"], [bob.uid, "admin"]], None],
        "cid": ["A" * 43, None],
        "kind": ["group", None],
        "act": ["remove-device", "rename", None],
        "exp": [now, now - 1, now + 3650 * 86_400, None],
        "keys": [[], [alice.wrapping.wrapping_jwk()] * 2, None],
        "env": [[], [0], None],
        "prev": ["A" * 43, ""],
        "pop": ["x", {}],
    }
    with arena.untouched():
        for name, values in changes.items():
            for value in values if name in claims else ():
                signed = alice.signing.sign(typ, claims | {name: value})
                ask = (
                    conversation.changed(statement=signed)
                    if member == "conversation"
                    else publishing(arena, **{member: signed})
                )
                refused(arena, ask, 400, "invalid-request", (name, value))


def envelopes(kid: str) -> Iterator[tuple[str, str]]:
    """Ways in which an envelope for this key can be none of the protocol's."""
    good = json.loads(envelope(kid))
    for name in ("protected", "iv", "ciphertext", "tag"):
        text = good[name]
        spoiled = {
            "padded": f"{text}=",
            "in the other alphabet": f"+{text[1:]}",
            "empty": "",
            "cut": text[:-1],
        }
        for why, value in spoiled.items():
            yield f"{name} {why}", json.dumps(good | {name: value})
        yield f"without {name}", json.dumps({one: value for one, value in good.items() if one != name})
    wrapped = good["recipients"][0]
    recipients: dict[str, Any] = {
        "padded": [wrapped | {"encrypted_key": f"{wrapped['encrypted_key']}="}],
        "cut": [wrapped | {"encrypted_key": wrapped["encrypted_key"][:-4]}],
        "of another alg": [wrapped | {"header": {"kid": kid, "alg": "dir"}}],
        "without kid": [wrapped | {"header": {}}],
        "none": [],
        "twice": [wrapped, wrapped],
    }
    for why, value in recipients.items():
        yield f"a recipient {why}", json.dumps(good | {"recipients": value})
    rest = {name: value for name, value in good.items() if name != "recipients"}
    yield "flattened", json.dumps(rest | wrapped)
    yield "with aad", json.dumps(good | {"aad": "AAAA"})
    yield "with an unprotected header", json.dumps(good | {"unprotected": {"alg": "dir"}})
    yield "a member twice", envelope(kid)[:-1] + f',"tag":"{good["tag"]}"}}'
    headers: list[dict[str, Any]] = [
        *({"alg": "dir"}, {"alg": "RSA1_5"}, {"enc": "A128GCM"}, {"zip": "DEF"}),
        *({"v": 2}, {"typ": "JWE"}, {"ctx": "x"}, {"kid": kid}),
    ]
    for header in headers:
        yield f"a header with {header}", envelope(kid, header=header)


def test_an_envelope_has_the_one_form(arena: Arena) -> None:
    good = CALLS["send_message"](arena)
    with arena.untouched():
        for why, spoiled in envelopes(arena.members["bob"].wrapping.kid):
            refused(arena, good.changed(envelope=spoiled), 400, "invalid-request", why)


def test_what_was_spoiled_would_have_been_taken(arena: Arena) -> None:
    """The same ways to make a call, with nothing spoiled, lead past every check of form."""
    alice, now = arena.members["alice"], time.time()
    claims = payload_of(CALLS["publish_key"](arena).json["proof"])
    proof = alice.signing.sign(PROOF, claims | {"jti": "x" * 22})
    assert arena.ask(publishing(arena, proof=proof)).status == 200
    later = encryption_key(alice.signing, key("mallory_encryption"), alice.uid, now, n=3)
    refused(arena, publishing(arena, encryption_key=later), 409, "key-conflict")
    another = first_device(alice.signing, alice.uid, now, ext={"x": 1})
    refused(arena, publishing(arena, statement=another), 409, "chain-conflict")
    good = CALLS["send_message"](arena)
    to_herself = good.changed(envelope=envelope(alice.wrapping.kid))
    refused(arena, to_herself, 409, "device-mismatch")
