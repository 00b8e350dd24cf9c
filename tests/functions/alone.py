"""A function in processes of its own, under functions-framework, as Cloud Run starts it."""

import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.ports import HOST, free_port
from scripts.local.processes import Child, Processes, wait_until
from scripts.local.web import call
from tests.functions.arena import Arena

NATIVE = {"uvloop/loop.", "httptools/parser/parser."}
"""Shared objects that a server which is not pure Python has loaded."""


@contextmanager
def alone(
    processes: Processes, layout: Layout, name: str, source: Path, env: Mapping[str, str]
) -> Iterator[tuple[Child, int]]:
    """The function's processes and their port, once they answer."""
    port = free_port()
    child = processes.start(
        f"{name} alone {uuid.uuid4().hex[:6]}",
        [
            *(layout.python, "-P", "-m", "functions_framework", "--target", name, "--source", source),
            *("--host", HOST, "--port", str(port)),
        ],
        env=env,
        cwd=layout.root,
    )
    try:
        wait_until(lambda: _answers(port), child, seconds=60)
        yield child, port
    finally:
        processes.stop(child)


@contextmanager
def suite_beside(arena: Arena, processes: Processes, layout: Layout, **settings: str) -> Iterator[Arena]:
    """Another suite server on the arena's databases."""
    port = free_port()
    child = processes.start(
        f"Suite beside {uuid.uuid4().hex[:6]}",
        [layout.python, "-P", "-m", "common.suite", "--port", str(port)],
        env={**arena.environment, **settings},
        cwd=layout.root,
    )
    try:
        wait_until(lambda: _answers(port), child, seconds=60)
        yield replace(arena, child=child, listening=port)
    finally:
        processes.stop(child)


def native(process: int) -> set[str]:
    """Which of NATIVE a process has loaded; all of them where no /proc tells."""
    if sys.platform != "linux":
        return NATIVE
    loaded = Path(f"/proc/{process}/maps").read_text(encoding="utf-8")
    return {name for name in NATIVE if name in loaded}


def workers(child: Child) -> list[int]:
    """The processes that answer: gunicorn's children."""
    if sys.platform != "linux":
        return [child.process.pid]
    tasks = Path(f"/proc/{child.process.pid}/task/{child.process.pid}/children")
    return [int(process) for process in tasks.read_text(encoding="ascii").split()]


def _answers(port: int) -> bool:
    try:
        return call("GET", f"http://{HOST}:{port}/health").status < 500
    except OSError:
        return False
