"""`scripts/bench`: measure, write the result file, and say what was reached."""

import importlib
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from scripts.local import parts
from scripts.local.groups import GROUPS
from scripts.local.layout import Layout
from scripts.local.processes import Interrupted, Processes, interruptible
from scripts.local.runs import the_only_one
from scripts.local.say import Progress, Stop
from scripts.local.stack import DATABASE, empty
from scripts.measuring import documents, machine, plots, results, sending, tables
from scripts.measuring.arguments import MEASUREMENTS, BenchArguments, read_bench
from scripts.measuring.peers import prosody, synapse
from scripts.measuring.results import Results, Row
from scripts.measuring.settings import FULL, QUICK
from scripts.measuring.stand import Stand
from scripts.measuring.standing import standing

MODULES = {
    "receive": "receiving",
    "send": "sending",
    "calls": "calls",
    "cold-start": "cold_start",
    "client": "client",
    "growth": "growth",
    "sustained": "sustained",
    "cost": "metering",
}
"""Each has `measure(stand)`, which gives its rows."""


PEERS = {"synapse": synapse, "prosody": prosody}

_ROUNDS = 4
"""In which the emulator is warmed; each ends with emptying it."""


def bench(layout: Layout, progress: Progress, arguments: BenchArguments) -> Path:
    """Measure what was asked for. The result file.

    Raises:
        Stop: a part of the stack failed.
    """
    data, began = layout.data("bench"), time.monotonic()
    settings = QUICK if arguments.quick else FULL
    this_machine = machine.describe()
    with the_only_one(data):
        empty(data)
        processes = Processes(data / "logs")
        try:
            found_parts = parts.find(layout)
            missing: dict[str, str] = {}
            peers = _fetch_peers(layout, progress, missing, wanted=arguments.with_peers)
            with standing(layout, processes, progress, found_parts, data=data, settings=settings) as bare:
                stand = replace(bare, peers=peers)
                found = Results(
                    at=datetime.now(UTC).isoformat(timespec="seconds"),
                    quick=settings.quick,
                    commit=machine.commit(layout),
                    machine=this_machine,
                    versions=machine.versions(found_parts),
                    settings=settings.numbers(),
                    rows=[],
                    missing=missing,
                )
                path = results.next_path(data / "results", found.at[:10])
                _prepare(stand)
                for name in arguments.only:
                    progress.line(f"\n== {name}: {MEASUREMENTS[name]}")
                    rows = _measure(name)(stand)
                    found.rows.extend(rows)
                    found.minutes = round((time.monotonic() - began) / 60, 1)
                    found.write(
                        path
                    )  # after each, so that a run which is broken off has not been for nothing
                    for measurement in dict.fromkeys(row.measurement for row in rows):
                        progress.line(f"\n{tables.of(found, measurement)}")
        finally:
            processes.close()
    return path


def _fetch_peers(
    layout: Layout, progress: Progress, missing: dict[str, str], *, wanted: bool
) -> frozenset[str]:
    """Have the other servers, as far as they can be had; where one is missing, its rows are, and nothing fails."""
    layout.parts.mkdir(parents=True, exist_ok=True)
    for name, peer in PEERS.items():
        if not wanted:
            missing[name] = "only with --with-peers"
            continue
        try:
            peer.fetch(layout, progress)
        except (Stop, OSError) as error:
            missing[name] = str(error).partition("\n")[0]
            progress.line(f"{name} cannot be had here, and is left out: {error}")
    return frozenset(PEERS.keys() - missing.keys())


def _prepare(stand: Stand) -> None:
    """Put people into the database, and warm the emulator."""
    with stand.progress.step(f"{sending.PEOPLE.size} accounts") as step:
        connection = stand.backing.postgres.connect(DATABASE)

        def note(text: str) -> None:
            step.note = text

        try:
            sending.PEOPLE.seed(connection, note)
        finally:
            connection.close()
    with stand.progress.step("Warming the Firestore emulator"), stand.function("send_message") as function:
        senders = stand.senders(sending.PEOPLE)
        requests = stand.keep("warm", senders.requests(sending.ROUTE))
        plan = stand.plan(8, requests, function.port, stand.settings.emulator_warm_up / _ROUNDS)
        for _ in range(_ROUNDS):
            stand.load("http", plan, {})
            stand.clear()  # when Java first meets this it throws away much of what it has compiled until then


def _measure(name: str) -> Callable[[Stand], list[Row]]:
    measure: Callable[[Stand], list[Row]] = importlib.import_module(
        f"scripts.measuring.{MODULES[name]}"
    ).measure
    return measure


def keep(layout: Layout, progress: Progress, path: Path, arguments: BenchArguments) -> Path:
    """Put the file of a whole run among those that the documents quote, and draw the documents from it."""
    if arguments.quick or set(arguments.only) != set(MEASUREMENTS):
        return path
    kept = results.next_path(layout.root / documents.DOCS / "results", path.name[:10])
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, kept)
    redraw(layout, progress)
    return kept


def redraw(layout: Layout, progress: Progress) -> None:
    """Write the tables and plots of the newest result file."""
    documents.write(layout)
    file = documents.newest(layout)
    if file is None:
        progress.line("There is no result file yet.")
        return
    try:
        plots.draw(layout, progress, file, layout.root / documents.DOCS)
    except Stop as stop:
        progress.line(f"The plots were not drawn: {stop}")


def report(layout: Layout, progress: Progress, path: Path) -> None:
    found = Results.read(path)
    progress.line(f"\n{tables.verdicts(found)}")
    for what, why in found.missing.items():
        progress.line(f"Not measured here: {what}: {why}")
    if found.quick:
        progress.line("A quick run: it shows that everything works. Its figures mean little.")
    progress.line(f"Result file: {path.relative_to(layout.root)}, after {found.minutes:.0f} minutes")


def main(words: list[str]) -> int:
    layout, progress, arguments = Layout(), Progress(), read_bench(words)
    if arguments.list_:
        progress.line("\n".join(f"{name:<12} {what}" for name, what in MEASUREMENTS.items()))
        return 0
    if arguments.draw:
        redraw(layout, progress)
        return 0
    try:
        with interruptible(), ThreadPoolExecutor(max_workers=1) as pool:
            running = pool.submit(bench, layout, progress, arguments)
            try:
                path = keep(layout, progress, running.result(), arguments)
            except Interrupted:
                GROUPS.signal_all()  # what runs ends, and with it the thread that waits for it
                raise
        report(layout, progress, path)
    except Interrupted as interrupted:
        return 128 + interrupted.number
    except (Stop, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
