"""From one person's text to the other's, with the real client."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count

from scripts.measuring.humans import run_module, tell_people
from scripts.measuring.order import gathered, interleaved
from scripts.measuring.peers import synapse
from scripts.measuring.results import Case, Figures, Results, Row
from scripts.measuring.stand import Served, Stand

NAME = "receive"

_PARTS = {
    "find_keys_p50_ms": "looking up keys",
    "seal_p50_ms": "sealing",
    "from_send_message_p50_ms": "send_message and the listener",
    "open_p50_ms": "opening",
}
"""The figures of what comes one after the other on a message's way. Between them both clients keep their state."""


def measure(stand: Stand) -> list[Row]:
    """`p50_ms` is from the text to the text; `send_message_p50_ms` is what the sender waits for."""
    runs: list[tuple[Case, Figures]] = []
    databases = (f"receive-{number}" for number in count())
    with stand.progress.step(f"{NAME}: {stand.settings.pairs_before} messages before"):
        _sealpost(stand, next(databases), stand.settings.pairs_before)
    with ExitStack() as started:
        drives: dict[str, Callable[[], Figures]] = {
            "sealpost": lambda: _sealpost(stand, next(databases), stand.settings.pairs)
        }
        if "synapse" in stand.peers:
            drives["synapse"] = _matrix(stand, started.enter_context(synapse.served(stand)))
        for target in interleaved(list(drives), stand.settings.long_repetitions):
            with stand.progress.step(f"{NAME}: {target}, {stand.settings.pairs} messages"):
                runs.append(({"target": target}, drives[target]()))
            stand.clear()
    return gathered(NAME, runs)


def parts(found: Results) -> dict[str, tuple[float, float, float]]:
    """Of a message's way, by name: each part's median, and the runs between which it lies. Nothing if one is missing."""
    row = found.row(NAME, target="sealpost")
    if row is None or any(row.median(figure) is None for figure in _PARTS):
        return {}
    return {
        name: (row.median(figure) or 0.0, row.least(figure) or 0.0, row.most(figure) or 0.0)
        for figure, name in _PARTS.items()
    }


def _sealpost(stand: Stand, database: str, messages: int) -> Figures:
    """In a database of its own, for what the emulator does at a commit grows with all that it ever held.

    It has no index: for each listener it sorts every message, the deleted ones too.
    """
    with stand.suite(FIRESTORE_DATABASE=database) as suite:
        return tell_people(stand, suite, "receiving", messages)


def _matrix(stand: Stand, served: Served) -> Callable[[], Figures]:
    (room,) = synapse.rooms(served.port, 1)
    plan = {**room, "port": served.port, "count": stand.settings.pairs, "event": synapse.event()}
    file = stand.data / "matrix.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    return lambda: run_module(stand, "matrix", file)
