"""A proxy that counts what goes over the wire: round trips to PostgreSQL, calls to Firestore."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

Watch = Callable[[bytes], None]


class PostgresWatch:
    """Counts the client's messages by their type (PostgreSQL's documentation, section 55.7).

    S (Sync) and Q (simple query) each end one round trip; E executes a prepared statement, P prepares one.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._rest = b""
        self._started = False

    @property
    def round_trips(self) -> int:
        return self.seen["S"] + self.seen["Q"]

    def __call__(self, data: bytes) -> None:
        self._rest += data
        while True:
            head = 1 if self._started else 0  # the first message of a connection has no type
            if len(self._rest) < head + 4:
                return
            length = int.from_bytes(self._rest[head : head + 4])
            if len(self._rest) < head + length:
                return
            if self._started:
                self.seen[self._rest[:1].decode("latin-1")] += 1
            self._started, self._rest = True, self._rest[head + length :]


class GrpcWatch:
    """Counts gRPC calls: the HTTP/2 HEADERS frames that a client sends (RFC 9113, section 4.1)."""

    _PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    _HEADERS = 1
    _HEAD = 9

    def __init__(self) -> None:
        self.calls = 0
        self._rest = b""
        self._started = False

    def __call__(self, data: bytes) -> None:
        self._rest += data
        if not self._started and len(self._rest) >= len(self._PREFACE):
            self._rest, self._started = self._rest.removeprefix(self._PREFACE), True
        while self._started and len(self._rest) >= self._HEAD:
            length = int.from_bytes(self._rest[:3])
            if len(self._rest) < self._HEAD + length:
                return
            self.calls += self._rest[3] == self._HEADERS
            self._rest = self._rest[self._HEAD + length :]


class Proxy:
    """Stands in front of a server on the loopback; can stop forwarding, as a frozen server would."""

    def __init__(self, port: int, watch: Callable[[], Watch]) -> None:
        self._target = port
        self._watch = watch
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.connections = 0

    def freeze(self) -> None:
        self._flows.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there = await asyncio.open_connection("127.0.0.1", self._target)
        watch = self._watch()
        for source, sink, eye in ((reader, there[1], watch), (there[0], writer, None)):
            task = asyncio.ensure_future(self._forward(source, sink, eye))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, watch: Watch | None
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                await self._flows.wait()
                if watch:
                    watch(data)
                sink.write(data)
                await sink.drain()
        sink.close()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(port: int, watch: Watch) -> AsyncIterator[Proxy]:
    """A proxy to a port of the loopback. Every connection is seen by the same `watch`, so use one at a time to count."""
    proxy = Proxy(port, lambda: watch)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield proxy
    server.close()
    await proxy.stop()
