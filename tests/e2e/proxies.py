"""Proxies between a service and its parts that write down, in one list, what is asked of them: calls, statements, verbs."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scripts.local.wire import Proxy, Watch

Log = list[str]


class HttpWatch:
    """Requests as `METHOD path {members of the body}`; neither query nor values, which differ between addresses."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._rest = b""

    def __call__(self, data: bytes) -> None:
        self._rest += data
        while True:
            head, end, body = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            assert "transfer-encoding" not in headers
            length = int(headers.get("content-length", "0"))
            if len(body) < length:
                return
            method, target, _ = first.split(" ")
            members = sorted(json.loads(body[:length])) if length else []
            self._log.append(f"{method} {target.partition('?')[0]} {members}")
            self._rest = body[length:]


class StatementWatch:
    """PostgreSQL's messages (documentation, section 55.7): what is prepared, and each run with its text."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._rest = b""
        self._started = False
        self._texts: dict[bytes, str] = {}

    def __call__(self, data: bytes) -> None:
        self._rest += data
        while True:
            head = 1 if self._started else 0
            if len(self._rest) < head + 4:
                return
            length = int.from_bytes(self._rest[head : head + 4])
            if len(self._rest) < head + length:
                return
            if self._started:
                self._note(self._rest[:1], self._rest[5 : 1 + length])
            else:
                self._log.append("connect to PostgreSQL")
            self._started, self._rest = True, self._rest[head + length :]

    def _note(self, kind: bytes, content: bytes) -> None:
        if kind == b"P":
            name, text, _ = content.split(b"\0", 2)
            self._texts[name] = " ".join(text.decode().split())
            self._log.append(f"prepare {self._texts[name]}")
        elif kind == b"B":
            _, name, _ = content.split(b"\0", 2)
            self._log.append(f"run {self._texts[name]}")
        elif kind == b"Q":
            self._log.append(f"run {content.rstrip(bytes(1)).decode()}")


class SmtpWatch:
    """The verbs of a mail dialogue (RFC 5321), and how many lines the mail has."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._rest = b""
        self._lines: int | None = None

    def __call__(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if self._lines is None:
                verb = line.partition(b" ")[0].decode().upper()
                self._log.append(f"smtp {verb}")
                self._lines = 0 if verb == "DATA" else None
            elif line == b".":
                self._log.append(f"smtp mail of {self._lines} lines")
                self._lines = None
            else:
                self._lines += 1


@contextmanager
def proxied(*targets: tuple[int, Callable[[], Watch]]) -> Iterator[list[int]]:
    """Proxies to ports of the loopback, on a loop of their own; gives their ports. Each connection gets a new watch."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxies", daemon=True)
    thread.start()
    proxies = [Proxy(port, watch) for port, watch in targets]

    async def open_all() -> list[asyncio.Server]:
        return [await asyncio.start_server(proxy.serve, "127.0.0.1", 0) for proxy in proxies]

    async def close_all(servers: list[asyncio.Server]) -> None:
        for server in servers:
            server.close()
        for proxy in proxies:
            await proxy.stop()

    servers = asyncio.run_coroutine_threadsafe(open_all(), loop).result()
    try:
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        asyncio.run_coroutine_threadsafe(close_all(servers), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
