"""Cold starts: from the start of a process to its first answer, of every function and of a hello in the same environment.

/health answers without a database, as Cloud Run's own probes see it: what is measured is the interpreter, the framework,
and what a function imports.
"""

import http.client
import time
from collections.abc import Mapping
from pathlib import Path

from scripts.local.ports import HOST
from scripts.local.processes import Child
from scripts.local.say import Stop
from scripts.measuring import usage
from scripts.measuring.order import measured
from scripts.measuring.results import Case, Figures, Row
from scripts.measuring.stand import APPS, Served, Stand

NAME = "cold start"
HELLO = "hello"
_PATIENCE = 60.0


def measure(stand: Stand) -> list[Row]:
    names = [HELLO, *(function.name for function in stand.manifest.functions)]
    cases: list[Case] = [{"target": name} for name in names]
    with stand.progress.step(
        f"{NAME}: {len(names)} functions, {stand.settings.repetitions} times each"
    ) as step:

        def start(case: Case) -> Figures:
            step.note = str(case["target"])
            return _start(stand, str(case["target"]))

        start({"target": HELLO})  # the files that all share are in the system's cache from here on
        return measured(NAME, cases, stand.settings.repetitions, start)


def _start(stand: Stand, name: str) -> Figures:
    source, env = _deployed(stand, name)
    began = time.perf_counter()
    served = stand.start(f"Cold {name}", source, name, env)
    try:
        _first_answer(served)
        took = time.perf_counter() - began
        return {"first_200_ms": took * 1000, "worker_mib": usage.memory_of(served.child.process.pid)}
    finally:
        stand.processes.stop(served.child)


def _deployed(stand: Stand, name: str) -> tuple[Path, Mapping[str, str]]:
    if name == HELLO:
        return APPS / HELLO / "main.py", stand.environment(FUNCTION_USE_ASGI="true")
    return stand.staging / name / "main.py", stand.function_environment(name)


def _first_answer(served: Served) -> None:
    """Ask until there is an answer: a 200, or from a function that only Firestore calls, its refusal of a GET."""
    end = time.monotonic() + _PATIENCE
    while True:
        connection = http.client.HTTPConnection(HOST, served.port, timeout=_PATIENCE)
        try:
            connection.request("GET", "/health")
            status = connection.getresponse().status
        except OSError:
            _require_hope(served.child, end)
            time.sleep(0.002)
        else:
            if status not in {http.client.OK, http.client.METHOD_NOT_ALLOWED}:
                raise Stop(f"{served.child.name} answered {status} at its start.")
            return
        finally:
            connection.close()


def _require_hope(child: Child, end: float) -> None:
    if not child.running:
        raise child.died()
    if time.monotonic() > end:
        raise Stop(f"{child.name} does not answer.")
