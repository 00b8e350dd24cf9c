"""What a run was measured on: without it a figure means nothing."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.parts import Parts
from scripts.local.tools import answer
from scripts.measuring.results import Machine

_PACKAGES = (
    *("functions-framework", "starlette", "uvicorn", "uvloop", "httptools", "gunicorn", "msgspec"),
    *(
        "PyJWT",
        "cryptography",
        "asyncpg",
        "pg8000",
        "grpcio",
        "protobuf",
        "google-cloud-firestore",
        "jwcrypto",
    ),
)


def describe() -> Machine:
    """This machine, as it is before anything is started."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        load=[round(value, 2) for value in os.getloadavg()],
    )


def versions(parts: Parts) -> dict[str, str]:
    """Of the interpreter, the libraries on the way of a call, and the backends."""
    found = {"Python": platform.python_version()} | {name: version(name) for name in _PACKAGES}
    found["PostgreSQL"] = _first_line(answer([parts.postgres / "postgres", "--version"])).split(") ")[-1]
    found["Java"] = _first_line(answer([parts.java, "-version"]))
    found["Firestore emulator"] = parts.firestore_jar.name
    return found


def commit(layout: Layout) -> str:
    """The checkout's commit, with a plus where files differ from it."""
    git = ["git", "-C", str(layout.root)]
    name = _first_line(answer([*git, "rev-parse", "--short=12", "HEAD"])) or "unknown"
    changed = answer([*git, "status", "--porcelain", "--untracked-files=no"])
    return f"{name}+" if changed else name


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return _first_line(answer(["sysctl", "-n", "machdep.cpu.brand_string"])) or platform.processor()


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0].strip().removeprefix("postgres (PostgreSQL) ")
