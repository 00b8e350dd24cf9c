"""Children and their end: each in a process group of its own, none of which outlives this process, however it ends."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from scripts.local.groups import GROUPS, send
from scripts.local.say import Stop
from scripts.local.tools import User, as_user


class Interrupted(Exception):
    """Ctrl-C, SIGTERM or a closed terminal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals
    grace: float
    """Seconds between the signal and SIGKILL."""

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def last_lines(self, count: int = 15) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        return "\n".join(f"    {line}" for line in lines)

    def died(self) -> Stop:
        return Stop(
            f"{self.name} stopped by itself (status {self.process.returncode}). Its log, {self.log}, ends:\n{self.last_lines()}"
        )


class Processes:
    """The children of one supervisor. Safe to use from any thread."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        user: User | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 8.0,
    ) -> Child:
        """Start a program; what it prints is in `<logs>/<name>.log`, in place of the last time's.

        Raises:
            Stop: it cannot be started, or everything is being stopped.
        """
        path = self._logs / f"{name.lower().replace(' ', '-')}.log"
        with self._lock, path.open("wb") as log:
            if self._closed:
                raise Stop(f"{name} was not started: everything is being stopped.")
            try:
                process = subprocess.Popen(
                    [str(word) for word in command],
                    env=dict(env),
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    **as_user(user),
                )
            except OSError as error:
                raise Stop(f"{name} does not start: {command[0]}: {error.strerror}.") from None
            child = Child(name, process, path, stop_signal, grace)
            GROUPS.add(process.pid, stop_signal)
            self._children.append(child)
        return child

    def dead(self) -> Child | None:
        """A child that ended although nobody stopped it."""
        return next((child for child in self._children if not child.running), None)

    def named(self, name: str) -> Child:
        """The running child of this name.

        Raises:
            KeyError: there is none.
        """
        with self._lock:
            return {child.name: child for child in self._children}[name]

    def stop(self, child: Child) -> None:
        with self._lock:
            _stop(child)
            self._children.remove(child)

    def close(self) -> None:
        """Stop all children, the last started first, and start no more."""
        with self._lock:
            self._closed = True
            while self._children:
                _stop(self._children.pop())


def _stop(child: Child) -> None:
    """Ask, wait, kill."""
    if child.running:
        send(child.process.pid, child.stop_signal)
        try:
            child.process.wait(child.grace)
        except subprocess.TimeoutExpired:
            send(child.process.pid, signal.SIGKILL)
            child.process.wait()
    GROUPS.remove(child.process.pid)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first SIGINT, SIGTERM or SIGHUP raises Interrupted in the main thread; later ones are let pass."""

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        for one in numbers:
            signal.signal(one, signal.SIG_IGN)
        raise Interrupted(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_until(ready: Callable[[], bool], child: Child, *, seconds: float) -> None:
    """Wait until a child answers.

    Raises:
        Stop: it ended, or does not answer in time.
    """
    end = time.monotonic() + seconds
    while not ready():
        if not child.running:
            raise child.died()
        if time.monotonic() > end:
            raise Stop(
                f"{child.name} does not answer after {seconds:.0f} s. Its log, {child.log}, ends:\n{child.last_lines()}"
            )
        time.sleep(0.05)
