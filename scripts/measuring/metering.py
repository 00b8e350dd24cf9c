"""What goes over the wire for one message: round trips to PostgreSQL, calls to Firestore, bytes. Counted, so once is enough."""

import asyncio
import base64
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

from scripts.local.emulators import OWNER
from scripts.local.ports import HOST
from scripts.local.say import Stop
from scripts.local.stack import PROJECT
from scripts.local.web import call
from scripts.local.wire import GrpcWatch, PostgresWatch, proxied
from scripts.measuring.load.http import is_whole
from scripts.measuring.load.requests import stream
from scripts.measuring.load.timing import spread
from scripts.measuring.order import gathered
from scripts.measuring.results import Case, Figures, Row
from scripts.measuring.sending import PEOPLE, ROUTE
from scripts.measuring.stand import Served, Stand

NAME = "cost"
_BEFORE = 5
"""Calls that connect and prepare statements, and are not counted."""
_COUNTED = 40
_EVENTS = "demo-bench-events"
"""A project whose messages raise events, so that in the others nobody does."""


@dataclass(slots=True)
class _Meter:
    """Stands between a function and its two databases."""

    postgres: PostgresWatch
    firestore: GrpcWatch
    firestore_bytes: int = 0

    def to_firestore(self, data: bytes) -> None:
        self.firestore_bytes += len(data)
        self.firestore(data)

    def zero(self) -> None:
        self.postgres.seen.clear()
        self.firestore.calls = self.firestore_bytes = 0

    def figures(self, count: int) -> Figures:
        return {
            "sql_round_trips": self.postgres.round_trips / count,
            "firestore_calls": self.firestore.calls / count,
            "firestore_bytes": self.firestore_bytes / count,
        }


def measure(stand: Stand) -> list[Row]:
    requests = stand.senders(PEOPLE).requests(ROUTE)
    runs: list[tuple[Case, Figures]] = []
    with stand.progress.step(f"{NAME}: send_message"), ExitStack() as started:
        seen, meter = started.enter_context(_metered(stand))
        served = started.enter_context(seen.function("send_message"))
        runs.append(({"target": "function"}, _count(served, meter, stream(requests))))
    with stand.progress.step(f"{NAME}: on_message_created"), ExitStack() as started:
        seen, meter = started.enter_context(_metered(stand))
        served, event = started.enter_context(seen.function("on_message_created")), _event(stand)
        runs.append(({"target": "trigger"}, _count(served, meter, lambda: event)))
    with stand.progress.step(f"{NAME}: naive"), ExitStack() as started:
        seen, meter = started.enter_context(_metered(stand))
        served = started.enter_context(seen.app("naive"))
        runs.append(({"target": "naive"}, _count(served, meter, stream(requests))))
    stand.clear()
    return gathered(NAME, runs)


@contextmanager
def _metered(stand: Stand) -> Iterator[tuple[Stand, _Meter]]:
    """The stand as it looks to a function between which and the databases a meter stands."""
    meter = _Meter(PostgresWatch(), GrpcWatch())
    ports, ready, over = stand.backing.ports, Future[tuple[int, int]](), threading.Event()

    async def forward() -> None:
        async with (
            proxied(ports.postgres, meter.postgres) as postgres,
            proxied(ports.firestore, meter.to_firestore) as firestore,
        ):
            ready.set_result((postgres.port, firestore.port))
            await asyncio.to_thread(over.wait)

    forwarding = threading.Thread(target=lambda: asyncio.run(forward()))
    forwarding.start()
    try:
        postgres_port, firestore_port = ready.result(10)
        told = replace(ports, postgres=postgres_port, firestore=firestore_port)
        yield replace(stand, backing=replace(stand.backing, ports=told)), meter
    finally:
        over.set()
        forwarding.join()


def _count(served: Served, meter: _Meter, next_request: Callable[[], bytes]) -> Figures:
    """One request after the other, on one connection."""
    asked = answered = 0
    times: list[int] = []
    with socket.create_connection((HOST, served.port), timeout=30) as connection:
        for number in range(_BEFORE + _COUNTED):
            if number == _BEFORE:
                meter.zero()
                times.clear()
                asked = answered = 0
            request, began = next_request(), time.perf_counter_ns()
            connection.sendall(request)
            answer = _answer(connection)
            times.append(time.perf_counter_ns() - began)
            asked, answered = asked + len(request), answered + len(answer)
            if not answer.startswith((b"HTTP/1.1 20", b"HTTP/1.0 20")):
                raise Stop(f"{served.child.name} answered: {answer[:300]!r}")
    return meter.figures(_COUNTED) | {
        "request_bytes": asked / _COUNTED,
        "answer_bytes": answered / _COUNTED,
        "busy_ms": spread(times)["p50_ms"],
    }


def _answer(connection: socket.socket) -> bytes:
    answer = b""
    while not is_whole(answer):
        data = connection.recv(65_536)
        if not data:
            raise Stop("A function hung up.")
        answer += data
    return answer


def _event(stand: Stand) -> bytes:
    """A request as the emulator sends it when a message was stored; the message's conversation stands in our project."""
    conversation, caught = secrets.token_hex(8), Queue[bytes]()

    class Catching(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            caught.put(f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer((HOST, stand.backing.ports.service), Catching)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        message = "conversations/{cid}/messages/{mid}"
        created = "google.cloud.firestore.document.v1.created"
        stand.backing.firestore.register_trigger(_EVENTS, "on_message_created", created, message)
        _create(stand, PROJECT, "conversations", conversation, {"last_message_at": {"integerValue": "0"}})
        sent_at = {"timestampValue": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        envelope = {"stringValue": base64.b64encode(secrets.token_bytes(1_800)).decode()}
        fields = {"sent_at": sent_at, "envelope": envelope}
        _create(stand, _EVENTS, f"conversations/{conversation}/messages", secrets.token_hex(8), fields)
        return caught.get(timeout=20)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _create(stand: Stand, project: str, collection: str, name: str, fields: object) -> None:
    documents = f"{stand.backing.firestore.url}/v1/projects/{project}/databases/(default)/documents"
    made = call("POST", f"{documents}/{collection}?documentId={name}", {"fields": fields}, bearer=OWNER)
    if made.status != 200:  # noqa: PLR2004
        raise Stop(f"The Firestore emulator answered {made.status}: {made.text}")
