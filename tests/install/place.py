"""A place to try an installation in: `python3 place.py`, as root, with an order as JSON on standard input.

In a mount namespace of its own (`unshare --mount` around this), the temporary folders and root's home are new and
empty, the machine has one more user, and what the order hides is empty. The commands run there, one after the other or
all at once. Then it says as JSON how they ended, which processes are left of them and which files lie outside of the
checkouts that did not before. On the standard library alone: it runs under the machine's own Python.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PLACE = Path("/mnt/place")
"""Where the order's folder is seen from inside."""

NEWCOMER = 64321
"""The user id of the one more user, who owns nothing else."""

_EMPTIED = ("/tmp", "/var/tmp", "/dev/shm", "/root")  # noqa: S108 - these are what is replaced
_WATCHED = (*_EMPTIED, str(PLACE), "/etc", "/home", "/opt", "/run", "/srv", "/var")
_PATIENCE = 5.0
"""Seconds for what was told to stop to be gone."""


def furnish(folder: str, hidden: list[str]) -> None:
    _mount("-t", "tmpfs", "tmpfs", "/mnt")
    PLACE.mkdir()
    _mount("--bind", folder, str(PLACE))
    for name in [*_EMPTIED, *(name for name in hidden if Path(name).is_dir())]:
        _mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", name)
    users = Path("/mnt/passwd")
    line = f"newcomer:x:{NEWCOMER}:{NEWCOMER}::{PLACE}/home:/bin/sh\n"
    users.write_text(Path("/etc/passwd").read_text() + line)
    _mount("--bind", str(users), "/etc/passwd")


def _mount(*words: str) -> None:
    subprocess.run(["/bin/mount", *words], check=True)  # noqa: S603 - the arguments are ours


def files(checkouts: list[Path]) -> set[str]:
    """Everything that lies in the watched places and in no checkout."""
    found: set[str] = set()
    for top in _WATCHED:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if Path(folder, name) not in checkouts]
            found.update(os.path.join(folder, name) for name in (*folders, *names))  # noqa: PTH118 - very many
    return found


def processes() -> Iterator[str]:
    """The command of each process of this place but this one."""
    here = Path("/proc/self/ns/mnt").readlink()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if (folder / "ns" / "mnt").readlink() == here:
                    yield (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has ended
                continue


def start(command: list[str], order: dict[str, Any]) -> "subprocess.Popen[str]":
    as_user: dict[str, Any] = {"user": NEWCOMER, "group": NEWCOMER, "extra_groups": []}
    return subprocess.Popen(  # noqa: S603 - the commands of the order
        command,
        env=order["environment"],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **(as_user if order["newcomer"] else {}),
    )


def ended(process: "subprocess.Popen[str]", began: float) -> dict[str, Any]:
    printed, _ = process.communicate()
    return {"status": process.returncode, "printed": printed, "seconds": time.monotonic() - began}


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    furnish(order["folder"], order["hidden"])
    checkouts = [Path(command[0]).parents[1] for command in order["commands"]]
    before = files(checkouts)
    began = time.monotonic()
    runs = []
    if order["at_once"]:
        started = [start(command, order) for command in order["commands"]]
        runs = [ended(process, began) for process in started]
    else:
        for command in order["commands"]:
            runs.append(ended(start(command, order), time.monotonic()))
    end = time.monotonic() + _PATIENCE
    while (left := list(processes())) and time.monotonic() < end:
        time.sleep(0.1)
    return {"runs": runs, "processes": left, "files": sorted(files(checkouts) - before)}


if __name__ == "__main__":
    json.dump(carry_out(json.load(sys.stdin)), sys.stdout)
