"""`scripts/run`: the suite until Ctrl-C, or its main job once with --demo."""

import fcntl
import http.client
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.local import demo, parts, ports, table
from scripts.local.arguments import RunArguments, read_run
from scripts.local.layout import Layout
from scripts.local.ports import Ports
from scripts.local.processes import Interrupted, Processes, interruptible
from scripts.local.say import Progress, Stop
from scripts.local.stack import PROJECT, Backing, Suite, empty, make_folders, register_triggers, start_backing, start_suite


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
def running(layout: Layout, progress: Progress, data: Path, chosen: Ports, *, lasting: bool) -> Iterator[tuple[Backing, Suite, Processes]]:
    """The whole suite; when the block ends, its data are written and everything is stopped.

    Raises:
        Stop: a part failed.
    """
    processes = Processes(data / "logs")
    found = parts.find(layout)
    backing = Backing(chosen, data, found.postgres)
    suites: list[Suite] = []

    def a_suite() -> None:
        with progress.step("Functions"):
            suites.append(start_suite(processes, layout, backing, port=chosen.service))

    try:
        start_backing(processes, found, layout, progress, ports=chosen, data=data, lasting=lasting, beside=(a_suite,))
        register_triggers(layout, backing.firestore, PROJECT)
        try:
            yield backing, suites[0], processes
        finally:
            with suppress(Stop, OSError, http.client.HTTPException):  # of an emulator that died, the last export stays
                backing.export(PROJECT)
    finally:
        processes.close()


def serve(layout: Layout, progress: Progress, *, fresh: bool) -> None:
    """Run until a signal comes or a part fails.

    Raises:
        Stop: a part failed.
        Interrupted: a signal came.
    """
    data = layout.data("run")
    with the_only_one(data):
        if fresh:
            empty(data)
        make_folders(data)
        wanted = ports.wanted(layout.root / "firebase.json", data / "ports.json")
        chosen = Ports.preferring(wanted)
        if (data / "ports.json").is_file() and chosen.service != wanted["service"]:
            progress.line(f"Port {wanted['service']} is taken, so the service moves to {chosen.service}: accounts of the old address stay behind.")
        chosen.keep(data / "ports.json")
        with running(layout, progress, data, chosen, lasting=True) as (backing, suite, processes):
            progress.line(table.of(backing, suite, data))
            while (dead := processes.dead()) is None:
                time.sleep(0.5)
            raise dead.died()


def main(words: list[str]) -> int:
    arguments = read_run(words)
    layout, progress = Layout(), Progress()
    try:
        with interruptible():
            if arguments.demo:
                return demo.play(layout, progress, message=_message(arguments))
            serve(layout, progress, fresh=arguments.fresh)
    except Interrupted as interrupted:
        progress.line("Stopped. The data are kept; scripts/run goes on with them, scripts/run --fresh begins anew.")
        return 0 if interrupted.number == signal.SIGINT else 128 + interrupted.number
    except Stop as stop:
        progress.line()
        print(stop, file=sys.stderr)
        return 1
    return 0


def _message(arguments: RunArguments) -> str:
    """The text of the demo: --message, or what comes through a pipe or from a file, or our own."""
    piped = arguments.message is None and _has_input()
    if arguments.message == "-" or piped:
        return sys.stdin.read() or demo.MESSAGE
    return arguments.message or demo.MESSAGE


def _has_input() -> bool:
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISREG(mode) or (stat.S_ISFIFO(mode) and bool(select.select([sys.stdin], [], [], 0.1)[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
