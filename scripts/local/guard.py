"""Ends what a supervisor started if the supervisor is killed: `python guard.py`, with the supervisor holding its stdin.

Reads lines `+PID SIGNAL` and `-PID`; each PID leads a process group. When stdin ends, each group that is left gets its
signal and, five seconds later, SIGKILL. Killing the supervisor in whatever way closes that pipe.
"""

import os
import signal
import sys
import time

GRACE = 5.0


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin:
        pid, _, number = line[1:].partition(" ")
        if line.startswith("+"):
            groups[int(pid)] = int(number)
        else:
            groups.pop(int(pid), None)
    for pid, number in groups.items():
        _signal(pid, number)
    end = time.monotonic() + GRACE
    while any(_signal(pid, 0) for pid in groups) and time.monotonic() < end:
        time.sleep(0.05)
    for pid in groups:
        _signal(pid, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
