"""Load over HTTP for every target alike: `python -m scripts.measuring.load.http PLAN`.

Bare sockets on uvloop, one request at a time on each kept connection.
"""

import asyncio
import re
import sys
import time
from collections.abc import Callable
from typing import cast

import uvloop

from scripts.local.ports import HOST
from scripts.measuring.load.plan import Plan
from scripts.measuring.load.requests import read, stream
from scripts.measuring.load.timing import Timing

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GOOD = re.compile(rb"HTTP/1.[01] 2")
_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


def is_whole(answer: bytes) -> bool:
    """Whether these bytes are an answer to its end: by its length, or by its last chunk (RFC 9112, section 6.3)."""
    head = answer.find(_HEAD_END)
    if head < 0:
        return False
    if length := _LENGTH.search(answer, 0, head):
        return len(answer) >= head + len(_HEAD_END) + int(length[1])
    return answer.endswith(_LAST_CHUNK)


class _Client(asyncio.Protocol):
    """A closed loop on one connection."""

    def __init__(self, next_request: Callable[[], bytes], timing: Timing, over: asyncio.Event) -> None:
        self._next_request = next_request
        self._timing = timing
        self._over = over
        self._transport: asyncio.Transport | None = None
        self._answer = b""
        self._began = 0
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # as create_connection promises
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer = self._answer + data if self._answer else data
        if not is_whole(self._answer):
            return
        if _GOOD.match(self._answer):
            self._timing.note(time.perf_counter_ns() - self._began)
        else:
            self._timing.fail(self._answer.decode("utf-8", "replace"))
        self._answer = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.is_set():
            self._timing.fail(f"the connection was lost: {exc}")
        self.lost.set()

    def _ask(self) -> None:
        assert self._transport  # noqa: S101 - made before anything is received
        if self._over.is_set():
            self._transport.close()
            return
        request = self._next_request()
        self._began = time.perf_counter_ns()
        self._transport.write(request)


async def _keep_asking(plan: Plan, make: Callable[[], _Client], over: asyncio.Event) -> None:
    """One client, on a new connection when it loses one."""
    while not over.is_set():
        _, client = await asyncio.get_running_loop().create_connection(make, HOST, plan.port)
        await client.lost.wait()


async def run(plan: Plan) -> None:
    timing, over = Timing(), asyncio.Event()
    next_request = stream(read(plan.requests))

    def make() -> _Client:
        return _Client(next_request, timing, over)

    clients = [asyncio.ensure_future(_keep_asking(plan, make, over)) for _ in range(plan.clients)]
    await timing.take(plan)
    over.set()
    await asyncio.wait(clients, timeout=10)
    timing.tell()


if __name__ == "__main__":
    uvloop.run(run(Plan.read(sys.argv[1])))
