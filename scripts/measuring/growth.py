"""Whether a send by one client takes longer with more accounts, in a longer conversation, or to more devices."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from common.storage.postgres.connect import plain
from common.storage.postgres.migrate import migrate
from scripts.local.stack import DATABASE
from scripts.measuring.order import gathered, interleaved
from scripts.measuring.population import Population, Senders
from scripts.measuring.results import Case, Figures, Row
from scripts.measuring.sending import PEOPLE, ROUTE
from scripts.measuring.stand import Served, Stand

NAME = "growth"
_SHORT = 100
"""Bytes of a statement here: a send reads none, and a million of them must be seeded."""
_GROUP = 400
"""Accounts where their number does not matter."""
_EMPTYING = 0.02
"""Seconds between two times that the rate limits are emptied, where all messages are one person's."""


def measure(stand: Stand) -> list[Row]:
    populations: dict[int, Population] = {
        size: Population(size, statement_bytes=_SHORT) for size in stand.settings.accounts
    }
    rows = _compared(stand, "accounts", populations)
    rows += _compared(
        stand,
        "devices",
        {
            count: Population(_GROUP, devices=count, statement_bytes=_SHORT)
            for count in stand.settings.devices
        },
    )
    return rows + _longer(stand)


def _compared(stand: Stand, what: str, populations: Mapping[int, Population]) -> list[Row]:
    """Functions side by side, each on a database of its own."""
    runs: list[tuple[Case, Figures]] = []
    with ExitStack() as started:
        served = {}
        for size, population in populations.items():
            database = f"{what}_{size}"
            _seed(stand, database, population)
            label = f"Function {what} {size}"
            served[size] = started.enter_context(stand.function("send_message", database, label))
        for size in interleaved(list(populations), stand.settings.repetitions):
            with stand.progress.step(f"{NAME}: {size} {what}"):
                figures = _drive(stand, served[size], stand.senders(populations[size]), f"{what}-{size}")
            runs.append(({what: size}, figures))
            stand.clear()
    for size in populations:
        stand.backing.postgres.drop(f"{what}_{size}")
    return gathered(NAME, runs)


def _seed(stand: Stand, database: str, population: Population) -> None:
    with stand.progress.step(f"{NAME}: seeding {database}") as step:
        stand.backing.postgres.create(database)
        migrate(plain(stand.backing.postgres.dsn(database)))
        connection = stand.backing.postgres.connect(database)

        def note(text: str) -> None:
            step.note = text

        try:
            population.seed(connection, note)
        finally:
            connection.close()


def _drive(stand: Stand, served: Served, senders: Senders, name: str) -> Figures:
    requests = stand.keep(name, senders.requests(ROUTE))
    return stand.load("http", stand.plan(1, requests, served.port), {"worker": served.child})


def _longer(stand: Stand) -> list[Row]:
    """An empty conversation and one of many messages, one after the other, since the one becomes the other."""
    one = stand.senders(PEOPLE)
    requests = stand.keep("length", one.requests(ROUTE)[:1])
    rows: list[Row] = []
    with stand.function("send_message") as served, _unlimited(stand):
        plan = stand.plan(1, requests, served.port)
        for length in (0, stand.settings.length):
            runs: list[tuple[Case, Figures]] = []
            sent = 0.0
            while sent < length:
                with stand.progress.step(f"{NAME}: a conversation of {length} messages, {sent:.0f} sent"):
                    sent += stand.load("http", stand.plan(2, requests, served.port), {})["count"]
            for _ in range(stand.settings.repetitions):
                with stand.progress.step(f"{NAME}: {length} messages"):
                    runs.append(({"messages": length}, stand.load("http", plan, {"worker": served.child})))
            rows += gathered(NAME, runs)
    stand.clear()
    return rows


@contextmanager
def _unlimited(stand: Stand) -> Iterator[None]:
    """Empty the buckets again and again: one person may send 60 messages at once, and 5 a second in the long run."""
    over = threading.Event()
    connection = stand.backing.postgres.connect(DATABASE)

    def empty() -> None:
        while not over.wait(_EMPTYING):
            connection.run("delete from send_limits")

    emptying = threading.Thread(target=empty)
    emptying.start()
    try:
        yield
    finally:
        over.set()
        emptying.join()
        connection.close()
