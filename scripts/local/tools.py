"""Running other programs: what they are given of the environment, and what is said when they fail."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.local.groups import GROUPS
from scripts.local.say import Stop


@dataclass(frozen=True, slots=True)
class User:
    """Whom a program runs as that refuses root."""

    uid: int
    gid: int


def as_user(user: User | None) -> dict[str, Any]:
    """Popen's arguments for running as somebody else."""
    return {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}


_LEFT_OUT = (
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)


def environment(**more: str) -> dict[str, str]:
    """The person's environment for a tool of ours, without what would bend the Python inside."""
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    direct = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1", "localhost"]))
    return {**kept, "PYTHONNOUSERSITE": "1", "NO_PROXY": direct, "no_proxy": direct, **more}


def run(
    command: Sequence[str | Path],
    *,
    cure: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: User | None = None,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Run a program to its end and give what it printed.

    Raises:
        Stop: it failed; with its last lines and the cure.
    """
    lines: list[str] = []
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            **as_user(user),
        )
    except OSError as error:
        raise Stop(f"{command[0]} does not start: {error.strerror}. {cure}") from None
    GROUPS.add(process.pid, signal.SIGTERM)
    with process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if on_line:
                on_line(line)
    GROUPS.remove(process.pid)
    if process.returncode != 0:
        tail = "\n".join(f"    {line}" for line in lines[-15:])
        raise Stop(f"{Path(str(command[0])).name} failed (status {process.returncode}):\n{tail}\n{cure}")
    return "\n".join(lines)


def answer(command: Sequence[str | Path]) -> str | None:
    """What a program prints on either stream, or None if it is missing, fails or hangs."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
