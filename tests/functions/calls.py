"""One call of each HTTP function that would be answered, for tests to spoil."""

import shutil
import time
import uuid
from collections.abc import Callable
from typing import Any

from common.jose import digest
from common.suite.manifest import Manifest
from tests.functions.arena import Arena, Member
from tests.functions.devices import get_link_grant, get_link_request, grant_link, request_link, veto_reset
from tests.functions.exchange import Ask
from tests.signing import backup, creation, envelope

FUNCTIONS = {function.name: function for function in Manifest.read().functions if function.route}
"""Those that are called over HTTP."""


def sign_up(arena: Arena) -> Ask:
    return arena.post("sign_up", {"email": f"new-{uuid.uuid4().hex[:8]}@example.com"})


def open_link(_: Arena) -> Ask:
    return Ask("GET", "/v1/open_link")


def create_session(arena: Arena) -> Ask:
    alice, code = arena.members["alice"], arena.unused_code
    body = {"email": alice.address, "code": code, "device": alice.signing.jwk()}
    return arena.post("create_session", body | {"proof": arena.proof("create_session", alice.signing, code)})


def refresh_session(arena: Arena) -> Ask:
    alice = arena.members["alice"]
    token = alice.refresh_token
    body = {"refresh_token": token, "proof": arena.proof("refresh_session", alice.signing, token)}
    return arena.post("refresh_session", body)


def revoke_session(arena: Arena) -> Ask:
    alice = arena.members["alice"]
    token = alice.access_token
    body = {"session_id": alice.session, "proof": arena.proof("revoke_session", alice.signing, token)}
    return arena.post("revoke_session", body, token)


def revoke_all_sessions(arena: Arena) -> Ask:
    return _proven(arena, "revoke_all_sessions", {})


def list_sessions(arena: Arena) -> Ask:
    alice = arena.members["alice"]
    return arena.post("list_sessions", {"cursor": alice.session}, alice.access_token)


def name_session(arena: Arena) -> Ask:
    alice = arena.members["alice"]
    return arena.post("name_session", {"session_id": alice.session, "name": "Phone"}, alice.access_token)


def list_audit(arena: Arena) -> Ask:
    return arena.post("list_audit", {"cursor": "100000"}, arena.members["alice"].access_token)


def save_key_backup(arena: Arena) -> Ask:
    """The one that stands there already."""
    return _proven(arena, "save_key_backup", {"n": 1, "backup": backup(arena.members["alice"].uid, 1)})


def get_key_backup(arena: Arena) -> Ask:
    return _proven(arena, "get_key_backup", {"n": 1})


def set_discovery(arena: Arena) -> Ask:
    """As it is already."""
    return arena.post("set_discovery", {"open": True}, arena.members["alice"].access_token)


def jwks(_: Arena) -> Ask:
    return Ask("GET", "/v1/jwks")


def publish_key(arena: Arena) -> Ask:
    """What stands there already, so that the answer changes nothing."""
    alice = arena.members["alice"]
    body = {"statement": alice.statement, "encryption_key": alice.encryption_key}
    body["proof"] = arena.proof("publish_key", alice.signing, alice.access_token)
    return arena.post("publish_key", body, alice.access_token)


def resubmit_statements(arena: Arena) -> Ask:
    """What stands there already, so that the answer changes nothing."""
    alice = arena.members["alice"]
    body = {"uid": alice.uid, "statements": [alice.statement]}
    return arena.post("resubmit_statements", body, alice.access_token)


def find_keys(arena: Arena) -> Ask:
    alice, bob = arena.members["alice"], arena.members["bob"]
    accounts: list[dict[str, Any]] = [
        {"address": bob.address, "uid": None, "known_seq": -1},
        {"address": None, "uid": alice.uid, "known_seq": 0},
    ]
    conversations = [{"id": conversation_id(arena), "known_seq": -1}]
    body = {"accounts": accounts, "conversations": conversations}
    return arena.post("find_keys", body, alice.access_token)


def create_conversation(arena: Arena) -> Ask:
    """The one that stands there already."""
    alice, bob = arena.members["alice"], arena.members["bob"]
    statement = creation(alice.signing, alice.uid, bob.uid, alice.head, time.time())
    return arena.post("create_conversation", {"statement": statement}, alice.access_token)


def send_message(arena: Arena) -> Ask:
    alice, bob = arena.members["alice"], arena.members["bob"]
    body = {
        "message_id": uuid7(),
        "conversation_id": conversation_id(arena),
        "expires_at": None,
        "envelope": envelope(bob.wrapping.kid),
    }
    return arena.post("send_message", body, alice.access_token)


def daily_backup(arena: Arena) -> Ask:
    """The first of all: after one that failed the next would wait."""
    shutil.rmtree(arena.backups, ignore_errors=True)
    return _scheduled(arena, "daily_backup")


def check_backup(arena: Arena) -> Ask:
    return _scheduled(arena, "check_backup")


def rotate_signing_key(arena: Arena) -> Ask:
    """Too soon after the last time, so that the answer changes nothing."""
    return _scheduled(arena, "rotate_signing_key")


CALLS: dict[str, Callable[[Arena], Ask]] = {
    made.__name__: made
    for made in (
        sign_up,
        open_link,
        create_session,
        refresh_session,
        revoke_session,
        revoke_all_sessions,
        list_sessions,
        name_session,
        list_audit,
        save_key_backup,
        get_key_backup,
        set_discovery,
        jwks,
        publish_key,
        resubmit_statements,
        request_link,
        get_link_request,
        grant_link,
        get_link_grant,
        veto_reset,
        find_keys,
        create_conversation,
        send_message,
        daily_backup,
        check_backup,
        rotate_signing_key,
    )
}

SCHEDULED = ("daily_backup", "check_backup", "rotate_signing_key")
"""Those that the scheduler calls."""
BODIES = tuple(name for name in CALLS if name not in {"open_link", "jwks", *SCHEDULED})
"""Those that read a body."""
BEARERS = tuple(name for name in BODIES if name not in {"sign_up", "create_session", "refresh_session"})
"""Those that ask for an access token."""
PROVEN = (
    *("create_session", "refresh_session", "revoke_session", "revoke_all_sessions", "publish_key"),
    *("save_key_backup", "get_key_backup", "request_link", "grant_link", "veto_reset"),
)
"""Those that ask for a proof."""
STATUSES = {
    "sign_up": 202,
    **dict.fromkeys(("revoke_session", "revoke_all_sessions", "name_session", "set_discovery"), 204),
    "veto_reset": 204,
}
"""Of those that are answered by something else than 200."""


def caller(arena: Arena, name: str) -> Member:
    """Who makes the call: Alice, or the device that would be linked to her account."""
    return arena.members["tablet" if name in {"request_link", "get_link_grant"} else "alice"]


def _proven(arena: Arena, name: str, members: dict[str, Any]) -> Ask:
    """A call by Alice with a new proof."""
    alice = arena.members["alice"]
    proof = arena.proof(name, alice.signing, alice.access_token)
    return arena.post(name, members | {"proof": proof}, alice.access_token)


def _scheduled(arena: Arena, name: str) -> Ask:
    return Ask("POST", f"/v1/{name}", {"Authorization": f"Bearer {arena.scheduler_token}"})


def answered(arena: Arena, name: str) -> Ask:
    """A call that will be answered, with whatever must be there for it; only Bob's sessions and new addresses change."""
    bob = arena.members["bob"]
    if name in {"sign_up", "save_key_backup", "get_key_backup", "resubmit_statements"}:
        arena.sql.run("delete from rate_limits")
    if name == "create_session":
        code = arena.code(bob.address)
        body = {"email": bob.address, "code": code, "device": bob.signing.jwk()}
        return arena.post(name, body | {"proof": arena.proof(name, bob.signing, code)})
    if name == "refresh_session":
        token = arena.begin(bob.address, bob.signing)["refresh_token"]
        return arena.post(name, {"refresh_token": token, "proof": arena.proof(name, bob.signing, token)})
    if name in {"revoke_session", "revoke_all_sessions"}:
        opened = arena.begin(bob.address, bob.signing)
        token = opened["access_token"]
        named = {"session_id": opened["session_id"]} if name == "revoke_session" else {}
        return arena.post(name, named | {"proof": arena.proof(name, bob.signing, token)}, token)
    return CALLS[name](arena)


def conversation_id(arena: Arena) -> str:
    first, second = sorted(member.uid for member in (arena.members["alice"], arena.members["bob"]))
    return digest(f"sealpost direct 1\0{first}\0{second}")


def uuid7() -> str:
    """RFC 9562, section 5.7."""
    value = int(time.time() * 1000) << 80 | uuid.uuid4().int & (1 << 80) - 1
    return str(uuid.UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))
