"""A run of the whole suite on a data folder: alone on it, and stopped whole."""

import fcntl
import http.client
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.local import parts
from scripts.local.layout import Layout
from scripts.local.ports import Ports
from scripts.local.processes import Processes
from scripts.local.say import Progress, Stop
from scripts.local.serving import Serving
from scripts.local.stack import PROJECT, Backing, Suite, register_triggers, rules, start_backing, start_suite


@contextmanager
def the_only_one(data: Path) -> Iterator[None]:
    """Hold a data folder.

    Raises:
        Stop: another run of this checkout holds it.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    path = data.with_name(f"{data.name}.lock")
    with path.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Stop(
                f"scripts/run is already running on {data} (process {lock.read().strip()}). Stop that one first, or use another clone."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def running(
    layout: Layout, progress: Progress, data: Path, chosen: Ports, *, lasting: bool
) -> Iterator[tuple[Backing, Suite, Processes]]:
    """The whole suite; when the block ends, its data are written and everything is stopped.

    Raises:
        Stop: a part failed.
    """
    processes = Processes(data / "logs")
    found = parts.find(layout)
    backing = Backing(chosen, data, found.postgres)
    serving = Serving.read(data)
    suites: list[Suite] = []

    def a_suite() -> None:
        with progress.step("Functions"):
            suites.append(
                start_suite(
                    processes,
                    layout,
                    backing,
                    database=serving.relations,
                    documents=serving.documents,
                    port=chosen.service,
                )
            )

    try:
        start_backing(
            processes,
            found,
            layout,
            progress,
            ports=chosen,
            data=data,
            database=serving.relations,
            lasting=lasting,
            beside=(a_suite,),
        )
        backing.firestore.load_rules(PROJECT, rules(layout), serving.documents)
        register_triggers(layout, backing.firestore, PROJECT, serving.documents)
        try:
            yield backing, suites[0], processes
        finally:
            with suppress(
                Stop, OSError, http.client.HTTPException
            ):  # of an emulator that died, the last export stays
                backing.export(PROJECT, serving.documents)
    finally:
        processes.close()
