"""The environment that the staged functions are deployed into: one for all of them, made from their requirements alone."""

import fcntl
import platform
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.local.layout import Layout, digest
from scripts.local.ports import HOST, free_port
from scripts.local.processes import Processes, wait_until
from scripts.local.tools import environment, run
from scripts.local.web import call
from tests.needs import lack, need

PLATFORM = ("linux", "x86_64")


def interpreter(version: str) -> str:
    """The deployed Python of the machine, which must be of the deployed kind too."""
    here = (sys.platform, platform.machine())
    if here != PLATFORM:
        lack("-".join(PLATFORM), f"This is {'-'.join(here)}; the functions are deployed on another kind.")
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    return need(f"python{version}")


def install(layout: Layout, version: str, requirements: Path, place: Path) -> Path:
    """The Python of an environment with exactly these requirements, in a folder of `place`; made once for the same ones.

    Raises:
        Stop: one of them has no wheel for this platform, or none with its hash.
    """
    folder = place / f"deployed-{version}-{digest(requirements)[:12]}"
    python = folder / "bin" / "python"
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").is_file():
            maker = (interpreter(version), "-I", "-m", "venv", "--clear", "--without-pip")
            run([*maker, folder], cure="", env=environment())
            run(
                [
                    *(layout.python, "-m", "pip", "--python", python, "install", "--quiet"),
                    *("--require-hashes", "--only-binary", ":all:", "-r", requirements),
                ],
                cure="",
                env=environment(PIP_CACHE_DIR=str(layout.cache / "pip"), PIP_DISABLE_PIP_VERSION_CHECK="1"),
            )
            (folder / "whole").touch()
    return python


@contextmanager
def served(processes: Processes, python: Path, folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """A staged function as Cloud Run starts it, but for the isolation, and leaving no bytecode behind. Its URL."""
    url = f"http://{HOST}:{free_port()}"
    child = processes.start(
        f"staged {folder.name} {uuid.uuid4().hex[:6]}",
        [
            *(python, "-I", "-B", "-m", "functions_framework", "--target", folder.name),
            *("--source", folder / "main.py", "--host", HOST, "--port", url.rpartition(":")[2]),
        ],
        env=env,
        cwd=folder,
    )
    try:
        wait_until(lambda: _listens(url), child, seconds=60)
        yield url
    finally:
        processes.stop(child)


def imported(python: Path, folder: Path, names: list[str]) -> list[str]:
    """Which of these modules a program in this folder could import."""
    program = "import sys, importlib.util; sys.path.append(sys.argv[1]); print(*[name for name in sys.argv[2:] if importlib.util.find_spec(name)])"
    return subprocess.run(  # noqa: S603 - our own interpreter
        [python, "-I", "-c", program, str(folder), *names],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
    ).stdout.split()


def _listens(url: str) -> bool:
    try:
        call("GET", f"{url}/")
    except OSError:
        return False
    return True
