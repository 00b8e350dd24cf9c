"""The process groups that this process has to end, and a guard that ends them should this process be killed."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")


class Groups:
    """Groups are added when their leader starts and removed when it has ended. Safe to use from any thread."""

    def __init__(self) -> None:
        self._signals: dict[int, signal.Signals] = {}
        self._lock = threading.Lock()
        self._guard: subprocess.Popen[str] | None = None

    def add(self, leader: int, stop_signal: signal.Signals) -> None:
        with self._lock:
            self._signals[leader] = stop_signal
            if self._guard is None:
                self._guard = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_GUARD)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    start_new_session=True,
                )
            self._tell(f"+{leader} {stop_signal.value}")

    def remove(self, leader: int) -> None:
        """The leader has been waited for; whatever is left of its group is killed."""
        send(leader, signal.SIGKILL)
        with self._lock:
            self._signals.pop(leader, None)
            self._tell(f"-{leader}")

    def signal_all(self) -> None:
        """Ask every group to end. Whoever started it sees it end."""
        with self._lock:
            for leader, number in self._signals.items():
                send(leader, number)

    def _tell(self, line: str) -> None:
        if self._guard and self._guard.stdin:
            self._guard.stdin.write(f"{line}\n")
            self._guard.stdin.flush()


GROUPS = Groups()
"""Those of this process."""


def send(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers so for a group of zombies
        return
