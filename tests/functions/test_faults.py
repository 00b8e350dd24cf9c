"""Parts that fail, and say a lot about it: the caller is told that it is not their fault, and nobody is told more."""

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

import grpc
import pytest

from tests.functions.arena import Arena, calls
from tests.functions.calls import CALLS, answered
from tests.functions.canaries import Canaries
from tests.functions.exchange import Ask, exchange
from tests.functions.stage import (
    Stage,
    gossip_about,
    gossip_of_mails,
    gossip_of_users,
    hidden_tables,
    loud_tables,
)
from tests.signing import encryption_key, first_device, key

POSTGRES = {
    "sign_up",
    "create_session",
    "refresh_session",
    "revoke_session",
    "revoke_all_sessions",
    "list_sessions",
    "name_session",
    "list_audit",
    "save_key_backup",
    "get_key_backup",
    "set_discovery",
    "publish_key",
    "resubmit_statements",
    "request_link",
    "get_link_request",
    "grant_link",
    "get_link_grant",
    "veto_reset",
    "find_keys",
    "create_conversation",
    "send_message",
    "daily_backup",
}
"""What asks PostgreSQL, and so on."""
FIRESTORE = {
    "create_session",
    "refresh_session",
    "revoke_session",
    "revoke_all_sessions",
    "publish_key",
    "create_conversation",
    "send_message",
    "daily_backup",
}
AUTH = {"sign_up", "create_session"}
MAIL = {"sign_up"}


def prepared(arena: Arena, canaries: Canaries) -> dict[str, Ask]:
    """A call of each function that would be answered, and may be answered all the same, full of canaries."""
    alice, bob = arena.members["alice"], arena.members["bob"]
    asks = {name: CALLS[name](arena) for name in CALLS if name not in {"create_session", "refresh_session"}}
    asks["sign_up"] = arena.post("sign_up", {"email": canaries.address("address of sign_up")})
    asks["revoke_session"] = answered(arena, "revoke_session")
    canaries.noted(bob.address, "address of create_session")
    token = arena.begin(bob.address, bob.signing)["refresh_token"]
    body = {"refresh_token": token, "proof": arena.proof("refresh_session", bob.signing, token)}
    asks["refresh_session"] = arena.post("refresh_session", body)
    canaries.noted(token, "refresh token")
    asks["revoke_all_sessions"] = answered(arena, "revoke_all_sessions")
    code = arena.code(bob.address)
    session = {"email": bob.address, "code": code, "device": bob.signing.jwk()}
    session["proof"] = arena.proof("create_session", bob.signing, code)
    asks["create_session"] = arena.post("create_session", session)
    canaries.noted(code, "code")
    canaries.noted(alice.access_token, "access token")
    arena.sql.run("delete from rate_limits")
    shutil.rmtree(arena.backups, ignore_errors=True)
    return {name: canaries.in_headers(ask) for name, ask in asks.items()}


Fault = Callable[[Stage], AbstractContextManager[None]]
FAULTS: dict[str, tuple[Fault, set[str], set[int]]] = {
    "tables that quote their rows": (
        loud_tables,
        {
            *("create_session", "refresh_session", "revoke_session", "revoke_all_sessions", "name_session"),
            *("get_key_backup", "request_link", "create_conversation"),
        },
        {500},
    ),
    "no tables": (hidden_tables, POSTGRES - {"daily_backup"}, {500}),
    "PostgreSQL is gone": (lambda stage: stage.postgres.leading_to(0), POSTGRES, {503}),
    "Firestore fails": (lambda stage: gossip_about(stage, grpc.StatusCode.INTERNAL), FIRESTORE, {500}),
    "Firestore refuses": (
        lambda stage: gossip_about(stage, grpc.StatusCode.INVALID_ARGUMENT),
        FIRESTORE,
        {500},
    ),
    "Firestore forbids": (
        lambda stage: gossip_about(stage, grpc.StatusCode.PERMISSION_DENIED),
        FIRESTORE,
        {500},
    ),
    "Firestore is busy": (
        lambda stage: gossip_about(stage, grpc.StatusCode.RESOURCE_EXHAUSTED),
        FIRESTORE,
        {503},
    ),
    "Firestore is slow": (
        lambda stage: gossip_about(stage, grpc.StatusCode.DEADLINE_EXCEEDED),
        FIRESTORE,
        {504},
    ),
    "Firestore is gone": (lambda stage: stage.firestore.leading_to(0), FIRESTORE, {503}),
    "Firebase refuses": (lambda stage: gossip_of_users(stage, 400), AUTH, {500}),
    "Firebase forbids": (lambda stage: gossip_of_users(stage, 403), AUTH, {500}),
    "Firebase is busy": (lambda stage: gossip_of_users(stage, 503), AUTH, {503}),
    "Firebase speaks no JSON": (lambda stage: gossip_of_users(stage, 400, as_json=False), AUTH, {500}),
    "Firebase answers with something else": (
        lambda stage: gossip_of_users(stage, 200, as_json=False),
        AUTH,
        {500},
    ),
    "Firebase is gone": (lambda stage: stage.auth.leading_to(0), AUTH, {503}),
    "no recipient": (gossip_of_mails, MAIL, {503}),
    "the mail server is gone": (lambda stage: stage.smtp.leading_to(0), MAIL, {503}),
}
LIKE_OTHERS = {"Firebase forbids", "Firebase speaks no JSON"}
"""They take the path of another fault: left to the long run."""
CODES = {500: "internal", 503: "unavailable", 504: "deadline-exceeded"}


@pytest.mark.parametrize(
    ("fault", "touched", "statuses"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.long] * (name in LIKE_OTHERS))
        for name, case in FAULTS.items()
    ],
)
def test_a_part_that_fails_tells_nothing(
    stage: Stage, canaries: Canaries, fault: Fault, touched: set[str], statuses: set[int]
) -> None:
    arena = stage.arena
    asks = prepared(arena, canaries)
    begun = arena.child.log.stat().st_size
    with arena.logged() as lines, fault(stage), ThreadPoolExecutor(max_workers=len(asks)) as pool:
        answers = dict(zip(asks, pool.map(partial(exchange, arena.port), asks.values()), strict=True))
    for name, answer in answers.items():
        canaries.sought_in_answer(answer)
        if name not in touched:
            assert answer.status < 500, (name, answer)
            continue
        assert answer.status in statuses | ({500, 503, 504} if name == "daily_backup" else set()), (
            name,
            answer,
        )
        document = answer.json
        assert document["type"] == f"urn:sealpost:problem:{CODES[answer.status]}"
        assert ("retry-after" in answer.headers) is (answer.status == 503)
        assert answer.status != 500 or document.keys() == {"type", "title", "status", "request_id"}
    ids = {answer.headers["x-request-id"]: answer.status for answer in answers.values()}
    assert {line["request_id"]: line["status"] for line in calls(lines)} == ids
    assert len(calls(lines)) == len(answers)
    canaries.sought_in(arena.child.log.read_bytes()[begun:].decode(), "the log")
    wait_for_recovery(arena)
    canaries.sought_everywhere(arena, begun)


def wait_for_recovery(arena: Arena) -> None:
    """Until a broken channel is tried again a moment passes."""
    end = time.monotonic() + 15
    for name in ("create_conversation", "sign_up"):
        while exchange(arena.port, CALLS[name](arena)).status >= 500:
            assert time.monotonic() < end, name
            time.sleep(0.05)


def test_a_row_that_is_quoted_is_not_repeated(stage: Stage, canaries: Canaries) -> None:
    """A chain's first statement, whose insertion fails with an error that has it in its text."""
    arena = stage.arena
    device = key("mallory_signing")
    opened = arena.begin(canaries.address("address"), device)
    token = opened["access_token"]
    statement = first_device(device, opened["uid"], time.time(), ext={"x": canaries.new("ext", 60)})
    wrapped = encryption_key(device, key("mallory_encryption"), opened["uid"], time.time())
    body = {"statement": canaries.noted(statement, "statement"), "encryption_key": wrapped}
    begun = arena.child.log.stat().st_size
    with loud_tables(stage):
        body["proof"] = arena.proof("publish_key", device, token)
        answer = arena.ask(arena.post("publish_key", body, token))
    assert answer.status == 500
    canaries.sought_in_answer(answer)
    canaries.sought_everywhere(arena, begun)
