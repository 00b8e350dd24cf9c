"""What these scripts tell the person: one line for each step, with the time it took."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

HEARTBEAT = 10.0
"""Seconds between two signs of life where the output is no terminal."""

_WIDTH = 79
"""Columns of a line, one less than the narrowest usual terminal has."""


class Stop(Exception):
    """A run cannot go on. The message says why and what to do; it is printed without a traceback."""


@dataclass(slots=True)
class Step:
    name: str
    started: float = field(default_factory=time.monotonic)
    note: str = ""
    """How far it is, such as `40 of 72`."""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def __str__(self) -> str:
        return (
            f"{self.name} ({self.note}, {self.seconds:.0f} s)"
            if self.note
            else f"{self.name} ({self.seconds:.0f} s)"
        )


class Progress:
    """Prints steps, several of which may run side by side. Safe to use from any thread."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._lock = threading.RLock()
        self._running: list[Step] = []
        self._ticker: threading.Thread | None = None

    def line(self, text: str = "") -> None:
        with self._lock:
            self._clear()
            print(text, file=self._stream, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Print the name and the time of what runs inside, when it ends; until then, show that it runs."""
        step = Step(name)
        with self._lock:
            self._running.append(step)
            self._start_ticking()
        ended = "stopped after"
        try:
            yield step
            ended = ""
        finally:
            with self._lock:
                self._running.remove(step)
                self.line(finished(step.name, ended, step.seconds))

    def _start_ticking(self) -> None:
        if self._ticker is None or not self._ticker.is_alive():
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        pause = 0.2 if self._terminal else HEARTBEAT
        while True:
            time.sleep(pause)
            with self._lock:
                if not self._running:
                    self._ticker = None
                    return
                steps = ", ".join(map(str, self._running))
                if self._terminal:
                    # A line that reached the last column would be wrapped, and the next tick clear its second half alone.
                    room = shutil.get_terminal_size().columns - 1
                    print(f"\r\033[K{f'  ... {steps}'[:room]}", end="", file=self._stream, flush=True)
                elif any(step.seconds >= HEARTBEAT for step in self._running):
                    print(f"  ... {steps}", file=self._stream, flush=True)

    def _clear(self) -> None:
        if self._terminal:
            print("\r\033[K", end="", file=self._stream)


def finished(name: str, ended: str, took: float) -> str:
    """The line of a step that has ended, in 79 columns: its name is cut where it must be. `took` is in seconds."""
    right = f"{ended} {took:.1f} s".lstrip()
    room = _WIDTH - len(right) - 3
    return f"  {name[:room]:<{room}} {right}"


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"
