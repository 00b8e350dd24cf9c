"""What a caller sends turns up in no log line, in no answer's problem, and in no database but inside `envelope`.

Not sought: what is kept because it names a thing, as a message's id does, a proof's jti for the minutes in which it
counts once, and statements, which are published as they were signed.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from common.jose import decode_base64url
from tests.functions.arena import Arena
from tests.functions.calls import BODIES, CALLS, answered, caller, conversation_id
from tests.functions.canaries import Canaries
from tests.functions.exchange import Ask
from tests.signing import Key, b64, backup, compact_json, creation, encryption_key, envelope, first_device

every_function = pytest.mark.parametrize("name", CALLS)
every_body = pytest.mark.parametrize("name", BODIES)


def looked_for(arena: Arena, canaries: Canaries, asks: Iterator[Ask], *, refused: bool) -> None:
    """Make the calls, each with one line in the log; what they carry is nowhere to be found."""
    begun = arena.child.log.stat().st_size
    for ask in asks:
        answer = arena.ask(ask)
        assert (answer.status >= 400) is refused, (ask, answer)
        canaries.sought_in_answer(answer)
    canaries.sought_everywhere(arena, begun)


@every_function
def test_what_is_around_a_call_that_is_answered(arena: Arena, canaries: Canaries, name: str) -> None:
    looked_for(arena, canaries, iter([canaries.in_headers(answered(arena, name))]), refused=False)


def refusals(arena: Arena, canaries: Canaries, name: str) -> Iterator[Ask]:
    good = CALLS[name](arena)
    path = f"{good.path}/{canaries.new('path')}"
    yield canaries.in_headers(Ask(good.method, path, good.headers, good.body))
    yield canaries.in_headers(Ask(good.method, f"/{canaries.new('path')}", good.headers, good.body))
    for method in ("PUT", "PATCH", "TRACE"):
        body = canaries.new(f"body of {method}").encode()
        yield canaries.in_headers(Ask(method, good.path, good.headers, body))
    yield canaries.in_headers(good.with_headers({"X-Large": canaries.new("large header") * 1000}))
    yield canaries.in_headers(good.with_headers({"Content-Length": "99999999"}))
    if "Authorization" in good.headers:
        yield canaries.in_headers(good.with_headers({"Authorization": f"Bearer {canaries.new('token')}"}))
        parts = (canaries.new(f"token's {part}") for part in ("head", "claims", "signature"))
        yield canaries.in_headers(good.with_headers({"Authorization": f"Bearer {'.'.join(parts)}"}))
        head = b64(compact_json({"alg": "ES256", "typ": "at+jwt", "kid": canaries.new("kid of a token")}))
        yield canaries.in_headers(good.with_headers({"Authorization": f"Bearer {head}.{head}.{head}"}))


@every_function
def test_what_is_around_a_call_that_is_refused(arena: Arena, canaries: Canaries, name: str) -> None:
    looked_for(arena, canaries, refusals(arena, canaries, name), refused=True)


def test_what_is_no_request(arena: Arena, canaries: Canaries) -> None:
    begun = arena.child.log.stat().st_size
    for form in (
        "{0}\r\n\r\n",
        "{0} / HTTP/1.1\r\n\r\n",
        "GET /{0}\xff HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n{0}\r\n\r\n",
    ):
        answer = arena.ask(form.format(canaries.new(form).upper()).encode("latin-1"))
        assert answer.status == 400
        canaries.sought_in_answer(answer)
    canaries.sought_everywhere(arena, begun)


def spoiled(canaries: Canaries, value: Any, where: str) -> Iterator[Any]:
    """A JSON value with a canary in one place of it at a time: for each leaf, for each name, and as one name more."""
    yield canaries.new(where)
    if isinstance(value, dict):
        for name, inner in value.items():
            for changed in spoiled(canaries, inner, f"{where}.{name}"):
                yield value | {name: changed}
            rest = {other: content for other, content in value.items() if other != name}
            yield rest | {canaries.new(f"{where}: in place of the name {name}"): inner}
        yield value | {canaries.new(f"{where}: one name more"): canaries.new(f"{where}: one value more")}
    if isinstance(value, list):
        for place, inner in enumerate(value):
            for changed in spoiled(canaries, inner, f"{where}[{place}]"):
                yield [*value[:place], changed, *value[place + 1 :]]
        yield [*value, canaries.new(f"{where}: one item more")]


def inside(canaries: Canaries, device: Key, compact: str, where: str) -> Iterator[str]:
    """A compact JWS with a canary in one place of its header or payload at a time, signed again."""
    header, payload = (json.loads(decode_base64url(part, "part")) for part in compact.split(".")[:2])
    for changed in spoiled(canaries, header, f"header of {where}"):
        yield device.sign("", payload, header=changed)
    for changed in spoiled(canaries, payload, where):
        if changed == payload or (isinstance(changed, dict) and changed.get("jti") != payload.get("jti")):
            continue  # a jti that fits is kept
        if (
            isinstance(changed, dict)
            and changed.get("ext") not in (payload.get("ext"), None)
            and isinstance(changed["ext"], dict)
        ):
            continue  # what a statement says beyond version 1 is published with it
        yield device.sign(header["typ"], changed)


def bodies(arena: Arena, canaries: Canaries, name: str) -> Iterator[Ask]:
    """The call with a canary in one place of its body at a time, inside what is signed or sealed too."""
    signing = caller(arena, name).signing
    good = CALLS[name](arena)
    members = good.json
    nested: dict[str, Callable[[], Iterator[str]]] = {
        "proof": lambda: inside(canaries, signing, members["proof"], "proof"),
        "statement": lambda: inside(canaries, signing, members["statement"], "statement"),
        "encryption_key": lambda: inside(canaries, signing, members["encryption_key"], "encryption key"),
        "pop": lambda: inside(canaries, signing, members["pop"], "pop"),
        "envelope": lambda: (
            json.dumps(changed) for changed in spoiled(canaries, json.loads(members["envelope"]), "envelope")
        ),
        "backup": lambda: (
            json.dumps(changed) for changed in spoiled(canaries, json.loads(members["backup"]), "backup")
        ),
    }
    for changed in spoiled(canaries, members, "body"):
        yield good.with_json(changed)
    for member in nested.keys() & members.keys():
        for changed in nested[member]():
            fresh = {"proof": CALLS[name](arena).json["proof"]} if "proof" in members else {}
            yield good.changed(**(fresh | {member: changed}))
    for raw in ("{0}", '{{"{0}', '"{0}"', '["{0}"]', '{{"{0}":1,"{0}":2}}', '{{"a":{0}}}', "{0}=x"):
        yield good.with_body(raw.format(canaries.new(raw)).encode())


@every_body
def test_every_place_of_a_body(arena: Arena, canaries: Canaries, name: str) -> None:
    refused = 0
    begun = arena.child.log.stat().st_size
    for ask in bodies(arena, canaries, name):
        if name in {"sign_up", "save_key_backup"}:
            arena.sql.run("delete from rate_limits")
        answer = arena.ask(ask)
        refused += answer.status >= 400
        canaries.sought_in_answer(answer)
    arena.sql.run("update sessions set name = null")  # kept because it names a session
    canaries.sought_everywhere(arena, begun)
    assert refused > 8


def plausible(arena: Arena, canaries: Canaries) -> Iterator[tuple[Ask, int]]:
    """Calls whose every field has the right form, and says something that nobody knows. And what they come to."""
    alice = arena.members["alice"]
    token = alice.access_token
    yield arena.post("sign_up", {"email": canaries.address("address of sign_up")}), 202

    code = canaries.new("code", 40)
    body: dict[str, Any] = {
        "email": canaries.address("address of create_session"),
        "code": code,
        "device": alice.signing.jwk(),
    }
    proof = canaries.noted(arena.proof("create_session", alice.signing, code), "proof of create_session")
    yield arena.post("create_session", body | {"proof": proof}), 401

    refresh = f"{canaries.new('session in a refresh token', 22)}.{canaries.new('refresh token', 43)}"
    proof = canaries.noted(arena.proof("refresh_session", alice.signing, refresh), "proof of refresh_session")
    yield arena.post("refresh_session", {"refresh_token": refresh, "proof": proof}), 401

    proof = canaries.noted(arena.proof("revoke_session", alice.signing, token), "proof of revoke_session")
    session = canaries.new("session", 22)
    yield arena.post("revoke_session", {"session_id": session, "proof": proof}, token), 404

    name = {"session_id": session, "name": canaries.new("name")}
    yield arena.post("name_session", name, token), 404
    yield arena.post("list_sessions", {"cursor": session}, token), 200
    sealed = backup(alice.uid, 9, ciphertext=b64(canaries.new("backup", 300).encode()))
    yield CALLS["save_key_backup"](arena).changed(n=9, backup=canaries.noted(sealed, "backup")), 409

    accounts = [
        {"address": canaries.address("address of find_keys"), "uid": None, "known_seq": -1},
        {"address": None, "uid": canaries.new("uid"), "known_seq": -1},
    ]
    conversations = [{"id": f"{canaries.new('conversation of find_keys', 42)}A", "known_seq": -1}]
    yield arena.post("find_keys", {"accounts": accounts, "conversations": conversations}, token), 200

    statement = creation(alice.signing, alice.uid, canaries.new("uid of a member"), alice.head, time.time())
    yield (
        arena.post("create_conversation", {"statement": canaries.noted(statement, "conversation")}, token),
        404,
    )

    for changed in (
        {"statement": first_device(alice.signing, alice.uid, time.time(), ext={"x": canaries.new("ext")})},
        {
            "encryption_key": encryption_key(
                alice.signing, alice.wrapping, alice.uid, time.time(), n=9, ext={"x": canaries.new("ext")}
            )
        },
    ):
        yield CALLS["publish_key"](arena).changed(**changed), 409

    good = CALLS["send_message"](arena)
    yield good.changed(conversation_id=f"{canaries.new('conversation of send_message', 42)}A"), 403
    sealed = envelope(
        arena.members["bob"].wrapping.kid, ciphertext=b64(canaries.new("ciphertext", 300).encode())
    )
    yield good.changed(envelope=canaries.noted(sealed, "envelope")), 200
    yield good.changed(envelope=envelope(f"{canaries.new('kid of a recipient', 42)}A")), 409


def test_fields_that_have_their_form(arena: Arena, canaries: Canaries) -> None:
    arena.sql.run("delete from rate_limits")
    begun = arena.child.log.stat().st_size
    for ask, status in plausible(arena, canaries):
        answer = arena.ask(canaries.in_headers(ask))
        assert answer.status == status, (ask.path, answer)
        if status != 409:  # a kid that is not wanted is named, for the client to leave it out
            canaries.sought_in_answer(answer)
    canaries.sought_everywhere(arena, begun)


def test_secrets_that_the_service_makes(arena: Arena, canaries: Canaries) -> None:
    """Tokens and codes stand in no log and no table: the tables hold hashes of them."""
    bob = arena.members["bob"]
    begun = arena.child.log.stat().st_size
    code = canaries.noted(arena.code(bob.address), "code")
    canaries.noted(bob.address, "address")
    body = {"email": bob.address, "code": code, "device": bob.signing.jwk()}
    proof = canaries.noted(arena.proof("create_session", bob.signing, code), "proof")
    opened = arena.ask(arena.post("create_session", body | {"proof": proof})).json
    for _ in range(2):
        for name in ("access_token", "refresh_token"):
            canaries.noted(opened[name], name)
        canaries.noted(opened["firebase"]["custom_token"], "custom token")
        token = opened["refresh_token"]
        proof = canaries.noted(arena.proof("refresh_session", bob.signing, token), "proof of refresh_session")
        opened = arena.ask(arena.post("refresh_session", {"refresh_token": token, "proof": proof})).json
    canaries.noted(arena.scheduler_token, "scheduler's token")
    canaries.sought_everywhere(arena, begun)
    for member in arena.members.values():
        canaries.noted(member.access_token, "access token")
        canaries.noted(member.refresh_token, "refresh token")
        canaries.noted(member.address, "address")
    canaries.sought_everywhere(arena)


def test_a_canary_would_be_found(arena: Arena, canaries: Canaries) -> None:
    """The search sees what it is meant to see."""
    for form in (str, str.upper, lambda text: text.encode().hex(), lambda text: b64(f"ab{text}cd".encode())):
        text = canaries.new("here", 24)
        with pytest.raises(AssertionError, match="here"):
            canaries.sought_in(f"...{form(text)}...", "a text")
        canaries.released.clear()
    canaries.noted(arena.members["alice"].statement, "statement")
    with pytest.raises(AssertionError, match="the table statements"):
        canaries.sought_everywhere(arena)
    canaries.released.clear()
    canaries.noted(conversation_id(arena), "conversation")
    with pytest.raises(AssertionError, match="conversation"):
        canaries.sought_everywhere(arena)
