"""What comes too slowly, too large, or too much at once; and what is left when somebody goes."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from tests.functions.alone import alone
from tests.functions.arena import Arena, calls
from tests.functions.calls import BEARERS, BODIES, CALLS, FUNCTIONS, PROVEN, STATUSES
from tests.functions.exchange import Answer, Ask, Connection, exchange
from tests.functions.refusals import refused

MOST = 200
"""Calls that the service is in at once (common/http/edge.py)."""
TOO_LARGE = 17 * 1024
FAR_TOO_LARGE = 1024 * 1024

every_function = pytest.mark.parametrize("name", CALLS)


@every_function
def test_a_head_that_is_too_large_is_refused(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    many = {f"X-{number}": "x" * 20 for number in range(800)}
    with arena.untouched():
        for why, headers in {"one field": {"X-Large": "x" * TOO_LARGE}, "many fields": many}.items():
            refused(arena, good.with_headers(headers), 431, "header-fields-too-large", why)


@pytest.mark.parametrize("shape", ["one field", "many fields", "a path", "a query"])
def test_a_head_without_an_end_is_cut_off(arena: Arena, shape: str) -> None:
    """The server keeps no more than it takes, whatever the client goes on to send."""
    starts = {
        "one field": (b"GET /v1/jwks HTTP/1.1\r\nX: ", b"x"),
        "many fields": (b"GET /v1/jwks HTTP/1.1\r\n", b"X: x\r\n"),
        "a path": (b"GET /", b"x"),
        "a query": (b"GET /v1/jwks?", b"x"),
    }
    start, more = starts[shape]
    with arena.untouched(), arena.logged() as lines:
        with Connection(arena.port) as connection:
            connection.write(start)
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                connection.write(more * (64 * 1024 * 1024 // len(more)))
        arena.settle()
    assert [(line["function"], line["status"]) for line in lines] in ([("suite", 431)], [("suite", 400)])


def test_a_head_that_is_cut_off_is_told_why(arena: Arena) -> None:
    head = b"GET /v1/jwks HTTP/1.1\r\nX: " + b"x" * (65 * 1024)
    answer = refused(arena, head, 431, "header-fields-too-large")
    assert answer.headers["connection"] == "close"


def test_too_many_calls_at_once_are_told_when_to_come_back(arena: Arena) -> None:
    waiting = arena.post("sign_up", {}).with_headers({"Content-Length": "9"}).with_body(b"")
    with arena.untouched(), arena.logged() as lines:
        with ExitStack() as stack:
            for _ in range(MOST):
                stack.enter_context(Connection(arena.port)).write(waiting.head)
            arena.settle()
            for name in CALLS:
                answer = refused(arena, CALLS[name](arena), 503, "unavailable", name)
                assert answer.headers["retry-after"] == "1"
        arena.settle()
    assert [line["status"] for line in lines] == [503] * len(CALLS) + [499] * MOST
    assert arena.ask(CALLS["jwks"](arena)).status == 200


@contextmanager
def frozen(arena: Arena) -> Iterator[None]:
    """Nobody else reads or writes a table."""
    tables = ", ".join(arena.rows())
    arena.sql.run("begin")
    arena.sql.run(f"lock table {tables} in access exclusive mode")
    try:
        yield
    finally:
        arena.sql.run("rollback")


def timed(job: Callable[[], Answer]) -> tuple[Answer, float]:
    began = time.monotonic()
    return job(), time.monotonic() - began


def halfway(arena: Arena, ask: Ask) -> Answer:
    body = ask.body or b""
    with Connection(arena.port) as connection:
        connection.write(ask.head + body[: len(body) // 2])
        return connection.answer()


def unfinished(arena: Arena) -> Answer:
    with Connection(arena.port) as connection:
        connection.write(b"GET /v1/jwks HTTP/1.1\r\nX-Slow")
        return connection.answer()


def silent(arena: Arena) -> Answer:
    with Connection(arena.port) as connection:
        return connection.answer()


def test_nothing_is_waited_for_longer_than_its_time(arena: Arena) -> None:
    """Bodies and heads that stop halfway, and databases that do not answer: all at once, since each takes its time.

    The database holds whatever a function first asks of it, so no call has changed anything when it is given up.
    """
    asked = {name: CALLS[name](arena) for name in BODIES}
    before = arena.snapshot()
    with arena.logged() as lines:
        with frozen(arena), ThreadPoolExecutor(max_workers=2 * len(BODIES) + 2) as pool:
            stuck = {
                name: pool.submit(timed, partial(exchange, arena.port, ask)) for name, ask in asked.items()
            }
            slow = {name: pool.submit(timed, partial(halfway, arena, ask)) for name, ask in asked.items()}
            head = pool.submit(timed, partial(unfinished, arena))
            nothing = pool.submit(silent, arena)
        arena.settle()
    problems = {
        name: (call.result()[0].status, call.result()[0].json["type"]) for name, call in stuck.items()
    }
    assert problems == dict.fromkeys(BODIES, (504, "urn:sealpost:problem:deadline-exceeded"))
    assert all(seconds < 17 for _, seconds in (call.result() for call in stuck.values()))
    for answer, seconds in (*(call.result() for call in slow.values()), head.result()):
        assert (answer.status, answer.json["type"]) == (408, "urn:sealpost:problem:request-timeout")
        assert answer.headers["connection"] == "close"
        assert 9 < seconds < 13
    with pytest.raises(ConnectionResetError):
        nothing.result()
    statuses = sorted(line["status"] for line in calls(lines))
    assert statuses == [408] * (len(BODIES) + 1) + [504] * len(BODIES)
    assert arena.snapshot() == before
    arena.renew_code()  # Firebase took the other one, before the database was asked
    for name in ("find_keys", "publish_key", "send_message"):
        assert arena.ask(CALLS[name](arena)).status == 200, "the pool has recovered"


HURRIED = """
import runpy
from common.services import Services
edge = Services._edge
Services._edge = lambda self, gate, **_: edge(self, gate, call_seconds=2.0)
daily_backup = runpy.run_path({source!r})["daily_backup"]
"""


def test_a_backup_that_takes_too_long_to_start_has_failed_and_leaves_room_for_the_next(
    arena: Arena, layout: Layout, processes: Processes, tmp_path: Path
) -> None:
    """Two seconds in place of the nine minutes that it has; pg_dump waits for a table."""
    ask = CALLS["daily_backup"](arena)
    source = tmp_path / "main.py"
    source.write_text(HURRIED.format(source=str(FUNCTIONS["daily_backup"].source)))
    environment = {**arena.environment, **FUNCTIONS["daily_backup"].environment}
    with alone(processes, layout, "daily_backup", source, environment) as (child, port):
        hurried = replace(arena, child=child, listening=port)
        with frozen(arena):
            refused(hurried, ask, 504, "deadline-exceeded")
            (failed,) = arena.backups.glob("*/failed.json")
            assert not list(arena.backups.glob("*/operations.json"))
    retried = arena.ask(ask)
    assert (retried.status, retried.json["detail"].startswith("The last attempt has failed")) == (503, True)
    failed.parent.joinpath("begun.json").write_text(json.dumps({"at": "2026-01-01T00:00:00Z"}))
    answer = arena.ask(ask)
    assert (answer.status, answer.json["state"]) == (200, "started")


def blocked(arena: Arena) -> int:
    arena.sql.run(
        "select pg_stat_clear_snapshot()"
    )  # or a transaction sees no connection that came after its first look
    (row,) = arena.sql.run(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    return int(row[0])


def repeatable(arena: Arena, name: str) -> Ask:
    """A call that may be made twice; the same one each time but for its proof, which counts once."""
    ask = CALLS[name](arena)
    return ask.changed(session_id="A" * 22) if name == "revoke_session" else ask


@pytest.mark.parametrize("name", [name for name in BEARERS if name != "revoke_all_sessions"])
def test_a_client_that_leaves_before_its_answer_may_ask_again(arena: Arena, name: str) -> None:
    """The call that nobody waits for is finished, and made once more it is answered as if it were the first."""
    ask = repeatable(arena, name)
    with arena.logged() as lines:
        begun = arena.child.log.stat().st_size
        with Connection(arena.port) as connection, frozen(arena):
            connection.write(bytes(ask))
            while not blocked(arena):
                time.sleep(0.01)
            connection.leave()
        arena.wait_for_line(begun)
    (line,) = lines
    status = 404 if name == "revoke_session" else STATUSES.get(name, 200)
    assert (line["function"], line["status"]) == (name, status)
    answers = []
    for _ in range(2):
        if name in PROVEN:
            ask = ask.changed(proof=repeatable(arena, name).json["proof"])
        answers.append(arena.ask(ask))
    assert [answer.status for answer in answers] == [status] * 2
    assert status == 404 or answers[0].body == answers[1].body
    if name == "send_message":
        stored = [document for document in arena.documents() if ask.json["message_id"] in document]
        assert len(stored) == 1
        assert answers[0].json["sent_at"].startswith(json.loads(stored[0])["createTime"][:19])


@pytest.mark.parametrize("name", ["open_link", "jwks"])
def test_a_client_that_leaves_at_once_is_not_missed(arena: Arena, name: str) -> None:
    with arena.logged() as lines:
        for _ in range(5):
            connection = Connection(arena.port)
            connection.write(bytes(CALLS[name](arena)))
            connection.leave()
        arena.settle()
    assert [line["function"] for line in lines] == [name] * 5
    assert arena.ask(CALLS[name](arena)).status == 200
