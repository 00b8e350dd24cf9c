"""Prepare a checkout, then start what was asked for: `python -m scripts.local.bootstrap run|test|bench [ARGUMENT...]`.

Runs on the standard library alone, under any Python 3.11 or later, and does three things: makes the virtual environment
`.local/venv` from a hash-pinned lock, fetches the parts that the machine lacks, and hands over to that environment's
Python. Each is done again only when its lock has changed. What is fetched is said beforehand.
"""

import compileall
import fcntl
import os
import shlex
import shutil
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from scripts.local import parts, pip
from scripts.local.arguments import RunArguments, TestArguments, read_run, read_test
from scripts.local.groups import GROUPS
from scripts.local.layout import Layout
from scripts.local.parts import Fetch
from scripts.local.processes import Interrupted, interruptible
from scripts.local.say import Progress, Step, Stop
from scripts.local.tools import answer, environment
from scripts.measuring.arguments import BenchArguments, read_bench

LOCKS = {
    "run": ("scripts/requirements.txt", 30),
    "test": ("tests/requirements.txt", 72),
    "bench": ("scripts/requirements.txt", 30),
}
"""The lock of each command, and about how many megabytes it downloads."""

MODULES = {"run": "scripts.local.run", "test": "scripts.local.checks", "bench": "scripts.measuring.main"}

_READ: dict[str, Callable[[list[str]], RunArguments | TestArguments | BenchArguments]] = {
    "run": read_run,
    "test": read_test,
    "bench": read_bench,
}


def prepare(layout: Layout, command: str, *, offline: bool, progress: Progress) -> None:
    """Bring the environment and the parts up to date.

    Raises:
        Stop: something could not be fetched, or must not be (`offline`).
    """
    layout.local.mkdir(exist_ok=True)
    with _alone(layout, progress):
        wanted = _packages(layout, command)
        fetches = [*([wanted] if wanted else []), *parts.missing(layout)]
        if fetches:
            if offline:
                listed = "\n".join(f"    {fetch}" for fetch in fetches)
                raise Stop(
                    f"--offline, and these are missing:\n{listed}\nRun the command once without --offline."
                )
            progress.line("Fetching into .local/ of this checkout, once:")
            for fetch in fetches:
                progress.line(f"    {fetch}")
            if wanted:
                _make_venv(layout, progress)
            layout.parts.mkdir(exist_ok=True)
            parts.fetch(fetches, progress)
        _put_client_on_path(layout)
        for folder in ("common", "functions", "client/sealpost", "scripts"):
            compileall.compile_dir(layout.root / folder, quiet=2)


def hand_over(layout: Layout, command: str, arguments: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.execve(  # noqa: S606 - the shell script that began this waits for nothing else
        layout.python,
        [str(layout.python), "-P", "-m", MODULES[command], *arguments],
        environment(PYTHONPATH=str(layout.root), PYTHONUNBUFFERED="1"),
    )


def _packages(layout: Layout, command: str) -> Fetch | None:
    """The packages of the lock, unless they are installed: the environment keeps the lock it was made from."""
    name, megabytes = LOCKS[command]
    lock = layout.root / name
    kept = layout.venv / "installed.txt"
    if kept.is_file() and _lines(lock) <= _lines(kept) and answer([layout.python, "-c", ""]) is not None:
        return None

    def get(step: Step) -> None:
        kept.unlink(missing_ok=True)
        pip.install(layout, lock, step)
        _write(kept, lock.read_text(encoding="utf-8"))

    return Fetch(f"{pip.pins(lock)} Python packages ({name})", "PyPI", megabytes, get)


def _lines(lock: Path) -> set[str]:
    """The tests' lock holds every line of the one for scripts/run."""
    return set(lock.read_text(encoding="utf-8").splitlines())


def _make_venv(layout: Layout, progress: Progress) -> None:
    made = layout.venv / ".made"
    if made.is_file() and answer([layout.python, "-m", "pip", "--version"]) is not None:
        return
    with progress.step(f"Virtual environment of Python {sys.version_info.major}.{sys.version_info.minor}"):
        shutil.rmtree(layout.venv, ignore_errors=True)
        venv.create(layout.venv, symlinks=True, with_pip=True)
        made.touch()


def _put_client_on_path(layout: Layout) -> None:
    """Make `import sealpost` and `.local/bin/sealpost` work from this checkout, wherever it was moved to.

    The command's profiles are among the data of scripts/run, unless SEALPOST_HOME says where: the accounts that they
    belong to are there too, are emptied with them by --fresh, and are no other checkout's.
    """
    site_packages = Path(
        sysconfig.get_path("purelib", "venv", {"base": str(layout.venv), "platbase": str(layout.venv)})
    )
    folder = next(iter(layout.venv.glob("lib/python3.*/site-packages")), site_packages)
    _write(folder / "sealpost-checkout.pth", f"{layout.root / 'client'}\n")
    command = f"""#!/bin/sh
profiles={shlex.quote(str(layout.profiles))}
: "${{SEALPOST_HOME:=$profiles}}"
export SEALPOST_HOME
exec {shlex.quote(str(layout.python))} -P -m sealpost "$@"
"""
    (layout.local / "bin").mkdir(exist_ok=True)
    _write(layout.local / "bin" / "sealpost", command, mode=0o755)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file by renaming a new one into its place, and only if it differs."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.chmod(mode)
    new.rename(path)


@contextmanager
def _alone(layout: Layout, progress: Progress) -> Iterator[None]:
    with (layout.local / "prepare.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.line("Another command is preparing this checkout; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(words: list[str]) -> int:
    command, *rest = words
    offline = _READ[command](rest).offline
    layout = Layout()
    try:
        with interruptible():
            prepare(layout, command, offline=offline, progress=Progress())
    except Interrupted as interrupted:
        GROUPS.signal_all()
        return 128 + interrupted.number
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"{error.filename or layout.local}: {error.strerror}. May this user write here?", file=sys.stderr
        )
        return 1
    hand_over(layout, command, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
