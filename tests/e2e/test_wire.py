"""What one send costs, counted between the running service and the real parts."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
from google.cloud.firestore_v1.types import CommitRequest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from scripts.local.stack import Backing
from scripts.local.testbed import start_test_suite
from scripts.local.wire import PostgresWatch, Proxy
from sealpost.account import Surroundings
from sealpost.vault import Cost
from tests.conftest import enter_as
from tests.e2e.recorder import Recorder, recorded

WARM_UP = 3
"""Sends that make the connection and prepare its statement."""

COMMIT = "/google.firestore.v1.Firestore/Commit"


class Statements:
    """PostgreSQL's messages from all connections of the service together."""

    def __init__(self) -> None:
        self._connections: list[PostgresWatch] = []

    def connection(self) -> PostgresWatch:
        self._connections.append(PostgresWatch())
        return self._connections[-1]

    def total(self) -> Counter[str]:
        return sum((watch.seen for watch in self._connections), Counter())


class AtSend(httpx.HTTPTransport):
    """The client's connection to the service, which reads the counters just before and after send_message."""

    def __init__(self, read: Callable[[], tuple[Counter[str], int]]) -> None:
        super().__init__()
        self._read = read
        self.sends: list[tuple[Counter[str], slice]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        statements, calls = self._read()
        response = super().handle_request(request)
        response.read()
        if request.url.path == "/v1/send_message":
            after, calls_after = self._read()
            after.subtract(statements)
            self.sends.append((+after, slice(calls, calls_after)))
        return response


async def test_send_message_is_one_statement_in_one_round_trip_and_one_commit(
    layout: Layout, processes: Processes, backing: Backing, tmp_path: Path
) -> None:
    statements = Statements()
    proxy = Proxy(backing.ports.postgres, statements.connection)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        with recorded(backing.ports.firestore, Recorder) as recorder:
            transport = AtSend(lambda: (statements.total(), len(recorder.calls)))
            ports = replace(
                backing.ports, postgres=server.sockets[0].getsockname()[1], firestore=recorder.port
            )

            def send() -> None:
                suite = start_test_suite(
                    processes, layout, backing, "wire", seen_through=ports, triggers=False
                )
                around = Surroundings(transport=transport, cost=Cost(memory=8, passes=1))
                alice = enter_as("alice", suite, backing, tmp_path, around)
                bob = enter_as("bob", suite, backing, tmp_path)
                try:
                    for number in range(WARM_UP + 1):
                        alice.send(bob.address, f"message {number}")
                finally:
                    alice.close()
                    bob.close()

            await asyncio.to_thread(send)
    finally:
        server.close()
        await proxy.stop()

    seen, calls = transport.sends[-1]
    assert len(transport.sends) == WARM_UP + 1
    assert seen["E"] == 1, f"one statement executed: {seen}"
    assert seen["S"] + seen["Q"] == 1, f"one round trip: {seen}"
    assert seen["P"] == 0, f"nothing prepared anew: {seen}"
    assert [method for method, _ in recorder.calls[calls]] == [COMMIT]
    (commit,) = [CommitRequest.deserialize(sent) for _, (sent,) in recorder.calls[calls]]
    (write,) = commit.writes
    assert "/messages/" in write.update.name
    assert [transform.field_path for transform in write.update_transforms] == ["sent_at"]
