"""Each function alone under functions-framework beside the suite server: the same answers, and the same log."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.suite.manifest import Manifest
from scripts.local.layout import Layout
from scripts.local.ports import HOST
from scripts.local.processes import Child, Processes
from scripts.local.web import call
from tests.fakes.events import document_event
from tests.functions.alone import NATIVE, alone, native, suite_beside, workers
from tests.functions.arena import Arena, calls
from tests.functions.calls import BEARERS, CALLS, SCHEDULED, answered, conversation_id
from tests.functions.exchange import Answer, Ask, exchange

FUNCTIONS = {function.name: function for function in Manifest.read().functions}
EVENTS = sorted(FUNCTIONS.keys() - CALLS.keys())
NEW_EACH_TIME = {"create_session", "refresh_session", "request_link", *SCHEDULED}
"""Those whose answer has the same members each time, and other values."""

EITHER_WAY = [(name, "true") for name in CALLS] + [
    (name, "false") for name in ("open_link", "create_session", "send_message", "daily_backup")
]
"""With LOG_EXECUTION_ID, where functions-framework would have the log to itself, and some without."""


def essence(answer: Answer) -> tuple[int, dict[str, str], Any]:
    """What must be alike: not the moment, the id of the request, nor the name of the server."""
    varying = {"date", "server", "x-request-id", "content-length"}
    headers = {name: value for name, value in answer.headers.items() if name not in varying}
    content: Any = answer.body
    if content and "json" in headers.get("content-type", ""):
        content = {name: value for name, value in answer.json.items() if name != "request_id"}
    return answer.status, headers, content


def shape(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: shape(value) for name, value in content.items()}
    return type(content).__name__


def refusals(good: Ask, name: str) -> Iterator[Ask]:
    """Calls that are refused before they change anything."""
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        if method != good.method and (good.method, method) != ("GET", "HEAD"):
            yield Ask(method, good.path, good.headers, good.body)
    yield Ask(good.method, f"/v1/{name}x", good.headers, good.body)
    yield Ask(good.method, "/", good.headers, good.body)
    yield good.with_headers({"X-Large": "x" * 17_000})
    yield good.with_headers({"Content-Length": "999999"})
    if name in {*BEARERS, *SCHEDULED}:
        yield Ask(good.method, good.path, {}, good.body)
        yield good.with_headers({"Authorization": "Bearer x"})
    for body in (b"", b"{", b'{"extra":1}', b'{"a":1,"a":2}') if good.body else ():
        yield good.with_body(body)


def lines_of(child: Child) -> list[dict[str, Any]]:
    """The whole log, all of it JSON."""
    return [json.loads(line) for line in child.log.read_text(encoding="utf-8").splitlines()]


def told(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What two logs of the same calls have in common."""
    return [
        {name: value for name, value in line.items() if name not in {"duration_ms", "request_id"}}
        for line in lines
    ]


@pytest.mark.parametrize(("name", "execution_ids"), EITHER_WAY)
def test_a_function_answers_alone_as_it_does_in_the_suite(
    arena: Arena, layout: Layout, processes: Processes, name: str, execution_ids: str
) -> None:
    environment = {**arena.environment, **FUNCTIONS[name].environment, "LOG_EXECUTION_ID": execution_ids}
    with alone(processes, layout, name, FUNCTIONS[name].source, environment) as (child, port):
        by_itself = replace(arena, child=child, listening=port)
        begun = len(lines_of(child))
        with arena.logged() as in_the_suite:
            asks = list(refusals(CALLS[name](arena), name))
            for ask in asks:
                assert essence(by_itself.ask(ask)) == essence(arena.ask(ask)), ask
        said = lines_of(child)[begun:]
        for ask, one, other in zip(asks, told(said), told(in_the_suite), strict=True):
            assert one == other or (ask.path != f"/v1/{name}" and one["status"] == 404), ask
        once = answered(arena, name)
        status, headers, content = essence(by_itself.ask(once))
        again = once if name == "send_message" else answered(arena, name)
        other_answer = essence(arena.ask(again))
        assert (status, headers) == other_answer[:2]
        assert status < 300
        if name in NEW_EACH_TIME:
            assert shape(content) == shape(other_answer[2])
        else:
            assert content == other_answer[2]
        assert [native(worker) for worker in workers(child)] == [NATIVE]


@pytest.mark.parametrize("execution_ids", ["false", "true"])
@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_handled_alone_as_it_is_in_the_suite(
    arena: Arena, layout: Layout, processes: Processes, name: str, execution_ids: str
) -> None:
    data = document_event({"sent_at": datetime.now(UTC)})
    headers = {
        "ce-id": "1",
        "ce-type": "t",
        "ce-source": "s",
        "ce-specversion": "1.0",
        "ce-document": f"conversations/{conversation_id(arena)}/messages/m",
    }
    path = f"/functions/projects/{arena.project}/triggers/{name}"
    asks = [Ask("POST", path, headers, body) for body in (data, b64encode(data), b"x", b"")]
    asks += [Ask("POST", path, {}, b"x"), Ask("GET", path, headers)]
    environment = {**arena.environment, **FUNCTIONS[name].environment, "LOG_EXECUTION_ID": execution_ids}
    environment["FUNCTION_SIGNATURE_TYPE"] = "cloudevent"  # as it is set where a trigger is deployed
    with alone(processes, layout, name, FUNCTIONS[name].source, environment) as (child, port):
        begun = len(lines_of(child))
        with arena.logged() as in_the_suite:
            for ask in asks:
                from_root = replace(ask, path="/")  # where Eventarc posts to
                assert essence(exchange(port, from_root)) == essence(exchange(arena.port, ask))
        assert told(lines_of(child)[begun:]) == told(in_the_suite)
        assert [native(worker) for worker in workers(child)] == [NATIVE]
    arena.sql.run("delete from dead_events")


def test_the_suites_log_stays_ours_where_the_framework_is_told_to_write_it(
    arena: Arena, layout: Layout, processes: Processes
) -> None:
    """A dozen apps in one process, each of which would configure the log anew and silence ours."""
    with suite_beside(arena, processes, layout, LOG_EXECUTION_ID="true") as beside:
        begun = len(lines_of(beside.child))
        for name in CALLS:
            good = answered(arena, name)
            assert beside.ask(good).status < 300
            ask = Ask("PUT", good.path, good.headers, good.body)
            assert essence(beside.ask(ask)) == essence(arena.ask(ask))
        assert len(calls(lines_of(beside.child)[begun:])) == 2 * len(CALLS)
        assert native(beside.child.process.pid) == NATIVE


PROBE = """
import asyncio
import gc

import functions_framework.aio


@functions_framework.aio.http
async def probe(request):
    protocols = {type(one).__module__ for one in gc.get_objects() if isinstance(one, asyncio.Protocol)}
    return {"loop": type(asyncio.get_running_loop()).__module__, "protocols": sorted(protocols)}
"""


def test_a_worker_runs_on_uvloop_and_reads_with_httptools(
    layout: Layout, processes: Processes, tmp_path: Path
) -> None:
    """A function that looks around itself, deployed as ours are."""
    source = tmp_path / "main.py"
    source.write_text(PROBE)
    environment = {**Manifest.read(layout.root).environment, "PYTHONPATH": str(layout.root)}
    with alone(processes, layout, "probe", source, environment) as (_, port):
        seen = call("GET", f"http://{HOST}:{port}/").json
    assert seen == {"loop": "uvloop", "protocols": ["uvicorn.protocols.http.httptools_impl"]}
