"""Ten minutes under load without a pause: whether the worker's memory stays flat."""

import statistics
import time

from scripts.measuring.order import gathered
from scripts.measuring.results import Case, Figures, Row
from scripts.measuring.sending import PEOPLE, ROUTE
from scripts.measuring.stand import Stand

NAME = "sustained"
FLATNESS = "sustained memory"
CLIENTS = 8
_PIECE = 20.0
"""Seconds of a piece of the run. Between them only the emulator's documents are cleared."""
_FEWEST = 6


def measure(stand: Stand) -> list[Row]:
    requests = stand.keep("sustained", stand.senders(PEOPLE).requests(ROUTE))
    count = max(_FEWEST, round(stand.settings.sustained / _PIECE))
    seconds = stand.settings.sustained / count
    pieces: list[Figures] = []
    minutes: list[float] = []
    with stand.function("send_message") as served:
        began = time.monotonic()
        with stand.progress.step(f"{NAME}: {stand.settings.sustained:.0f} s at {CLIENTS} clients") as step:
            for number in range(count):
                step.note = f"{number} of {count}"
                plan = stand.plan(CLIENTS, requests, served.port, seconds)
                pieces.append(stand.load("http", plan, {"worker": served.child}))
                minutes.append((time.monotonic() - began) / 60)
                stand.clear()
    flatness = flat(minutes, [piece["worker_mib"] for piece in pieces])
    case: Case = {"target": "function"}
    return [*gathered(NAME, ((case, piece) for piece in pieces)), Row(FLATNESS, case, [flatness])]


def flat(minutes: list[float], memory: list[float]) -> Figures:
    """How memory goes: the slope of the line through its second half, when all caches are full, and where it began and ended."""
    half = len(memory) // 2
    slope = statistics.linear_regression(minutes[half:], memory[half:]).slope
    return {"first_mib": memory[0], "half_mib": memory[half], "last_mib": memory[-1], "per_minute_mib": slope}
