"""`scripts/run`: the suite until Ctrl-C, or its main job once with --demo."""

import os
import select
import signal
import stat
import sys
import time

from scripts.local import ports, table
from scripts.local.arguments import RunArguments, read_run
from scripts.local.layout import Layout
from scripts.local.ports import Ports
from scripts.local.processes import Interrupted, interruptible
from scripts.local.runs import running, the_only_one
from scripts.local.say import Progress, Stop
from scripts.local.stack import empty, make_folders


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
        if not (data / "ports.json").is_file():
            chosen.keep(data / "ports.json")
        elif chosen.service != wanted["service"]:
            progress.line(
                f"Port {wanted['service']} is taken, so the service is at {chosen.service} this time. "
                "Clients that signed up at the old address find it there again when that port is free."
            )
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
                from scripts.local import demo  # the client, which a plain run does without

                message = _message(arguments, progress)
                if message is None:
                    message = demo.MESSAGE
                if refusal := demo.refusal(message):
                    print(refusal, file=sys.stderr)
                    return 2
                return demo.play(layout, progress, message=message)
            serve(layout, progress, fresh=arguments.fresh)
    except Interrupted as interrupted:
        if arguments.demo or interrupted.number != signal.SIGINT:
            return 128 + interrupted.number
        progress.line(
            "Stopped. The data and the profiles of .local/bin/sealpost are kept:\n"
            "scripts/run goes on with them, scripts/run --fresh begins anew."
        )
    except BrokenPipeError:  # whoever read what we print has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Stop, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def _message(arguments: RunArguments, progress: Progress) -> str | None:
    """The text of the demo, exactly as given: --message, or what comes through a pipe or from a file."""
    if arguments.message == "-":
        return _input()
    if arguments.message is None and _has_input():
        if text := _input():
            return text
        progress.line("Standard input is empty, so the demo sends a text of its own.")
    return arguments.message


def _input() -> str:
    return sys.stdin.buffer.read().decode(errors="surrogateescape")


def _has_input() -> bool:
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISREG(mode) or (stat.S_ISFIFO(mode) and bool(select.select([sys.stdin], [], [], 0.1)[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
