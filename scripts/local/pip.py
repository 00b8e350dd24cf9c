"""Installing hash-pinned packages from PyPI with the virtual environment's pip."""

import re
import shutil
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.say import Step
from scripts.local.tools import environment, run

CURE = (
    "Is PyPI (or your mirror of it) reachable? Where a package must be compiled, a C compiler and Python's headers are needed: "
    "Debian and Ubuntu: apt-get install build-essential python3-dev; macOS: xcode-select --install."
)


def pins(lock: Path) -> int:
    """How many packages a lock names, those for other systems included."""
    return len(re.findall(r"^[\w.-]+==", lock.read_text(encoding="utf-8"), re.MULTILINE))


def install(layout: Layout, lock: Path, step: Step, *, target: Path | None = None) -> None:
    """Install what a lock pins, into the virtual environment or a folder of its own.

    Raises:
        Stop: pip failed.
    """
    seen = 0
    total = pins(lock)

    def count(line: str) -> None:
        nonlocal seen
        if line.startswith(("Collecting ", "Requirement already satisfied")):
            seen += 1
            step.note = f"{seen} of {total}"
        elif line.startswith("Installing collected"):
            step.note = "unpacking"

    where = ["--target", str(target)] if target else []
    run(
        [
            layout.python,
            "-m",
            "pip",
            "install",
            "--require-hashes",
            "--no-deps",
            "--prefer-binary",
            *where,
            "-r",
            lock,
        ],
        env=environment(
            PIP_CACHE_DIR=str(layout.cache / "pip"),
            PIP_DISABLE_PIP_VERSION_CHECK="1",
            PIP_NO_INPUT="1",
            PIP_PROGRESS_BAR="off",
            PIP_REQUIRE_VIRTUALENV="0",
            PIP_USER="0",
        ),
        cure=CURE,
        on_line=count,
    )


def install_part(layout: Layout, name: str, step: Step) -> None:
    """Install `parts/<name>.txt` into its own folder."""
    lock = lock_of(name)
    done = layout.part(name, lock)
    new = done.with_name(f"{done.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    install(layout, lock, step, target=new)
    new.rename(done)


def lock_of(name: str) -> Path:
    return Path(__file__).parent / "parts" / f"{name}.txt"
