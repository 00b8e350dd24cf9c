"""Sends by 1, 8 and 32 clients: ours, its floor, and what people would use instead, in turn."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from scripts.local.processes import Child
from scripts.measuring.order import gathered, interleaved
from scripts.measuring.peers import prosody, synapse
from scripts.measuring.population import Population, Senders
from scripts.measuring.results import Case, Figures, Row
from scripts.measuring.stand import Served, Stand

NAME = "send"
ROUTE = "/v1/send_message"

Drive = Callable[[int], Figures]
"""Sends with so many clients."""

PEOPLE = Population(2_000)


def measure(stand: Stand) -> list[Row]:
    with targets(stand) as drives:
        runs: list[tuple[Case, Figures]] = []
        for clients in stand.settings.clients:
            for name in interleaved(list(drives), stand.settings.repetitions):
                with stand.progress.step(f"{NAME}: {name}, {clients} clients") as step:
                    figures = drives[name](clients)
                    step.note = f"{figures['per_second']:.0f}/s"
                runs.append(({"target": name, "clients": clients}, figures))
                stand.clear()
        return gathered(NAME, runs)


@contextmanager
def targets(stand: Stand) -> Iterator[dict[str, Drive]]:
    """Everything that can take a send here, started and answering."""
    senders = stand.senders(PEOPLE)
    with ExitStack() as started:
        drives: dict[str, Drive] = {}
        function = started.enter_context(stand.function("send_message"))
        drives["function"] = over_http(stand, senders, function.child, function.port)
        drives["floor"] = floor(stand, senders)
        suite = started.enter_context(stand.suite())
        drives["suite"] = over_http(stand, senders, suite.child, stand.backing.ports.service)
        for name in ("tutorial", "naive", "hello"):
            env = {"FUNCTION_USE_ASGI": "true"} if name == "hello" else {}
            app = started.enter_context(stand.app(name, **env))
            drives[name] = over_http(stand, senders, app.child, app.port)
        if "synapse" in stand.peers:
            drives["synapse"] = _matrix(stand, started.enter_context(synapse.served(stand)))
        if "prosody" in stand.peers:
            drives["prosody"] = _xmpp(stand, started.enter_context(prosody.served(stand)))
        yield drives


def over_http(stand: Stand, senders: Senders, child: Child, port: int) -> Drive:
    requests = stand.keep("send", senders.requests(ROUTE))

    def drive(clients: int) -> Figures:
        return stand.load("http", stand.plan(clients, requests, port), {"worker": child})

    return drive


def floor(stand: Stand, senders: Senders) -> Drive:
    calls = stand.data / "floor.calls.json"
    calls.write_text(json.dumps(senders.calls()), encoding="utf-8")
    env = stand.function_environment("send_message")

    def drive(clients: int) -> Figures:
        return stand.load("floor", stand.plan(clients, calls), {}, env)

    return drive


def _matrix(stand: Stand, served: Served) -> Drive:
    with stand.progress.step(f"{NAME}: {synapse.ROOMS} rooms in Synapse"):
        requests = stand.keep("matrix", synapse.requests(synapse.rooms(served.port)))

    def drive(clients: int) -> Figures:
        return stand.load("http", stand.plan(clients, requests, served.port), {"worker": served.child})

    return drive


def _xmpp(stand: Stand, served: Served) -> Drive:
    """Each client to a receiver who is there; ours has none in these runs, which is in our favour: see `receive`."""
    none = stand.data / "no.requests.json"

    def drive(clients: int) -> Figures:
        return stand.load("xmpp", stand.plan(clients, none, served.port), {"worker": served.child})

    return drive
