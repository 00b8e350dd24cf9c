"""What a process and its children use: CPU seconds, and memory that is theirs alone.

On Linux from /proc: a page that a worker still shares with the master it was forked from counts once (its private pages,
the USS of each process, would leave it out, and count it twice when a garbage collection has touched it). Elsewhere from
ps, where memory is the resident set instead.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ON_LINUX = sys.platform.startswith("linux")

_KIB_IN_MIB = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    cpu: float
    """Seconds, user and system."""
    memory: float
    """MiB."""

    def __add__(self, other: Self) -> "Usage":
        return Usage(self.cpu + other.cpu, self.memory + other.memory)


def of(leader: int) -> Usage:
    """Of a process and all that it has started."""
    total = Usage(0, 0)
    for pid in _tree(leader):
        with suppress(OSError, ValueError, IndexError):  # it has just ended
            total += _of_one(pid)
    return total


def of_all(leaders: Mapping[str, int]) -> dict[str, Usage]:
    return {name: of(pid) for name, pid in leaders.items()}


def cpu_of(leader: int) -> float:
    """Seconds of the threads that a process and all that it has started have now.

    To the nanosecond where Linux counts so: one call may take less than the tick of 10 ms in which `of` counts.
    """
    total = 0.0
    for pid in _tree(leader):
        with suppress(OSError, ValueError, IndexError):
            total += _cpu_of_threads(pid)
    return total


def _of_one(pid: int) -> Usage:
    if not ON_LINUX:
        return Usage(_cpu(pid), int(_ps("-o", "rss=", "-p", str(pid))) / _KIB_IN_MIB)
    return Usage(_cpu(pid), _own(pid))


def _cpu(pid: int) -> float:
    if not ON_LINUX:
        return _seconds(_ps("-o", "time=", "-p", str(pid)).strip())
    # The fields after the name, which may hold blanks (proc_pid_stat(5)): 14 and 15 are utime and stime.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_of_threads(pid: int) -> float:
    # The first field is the time on a CPU in ns (the kernel's Documentation/scheduler/sched-stats.rst).
    times = [int(told.split()[0]) for told in _of_threads(pid, "schedstat")]
    return sum(times) / 1e9 if times else _cpu(pid)


def _own(pid: int) -> float:
    """MiB of anonymous memory, each page divided by how many processes have it: only those of one tree do."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / _KIB_IN_MIB


def _tree(leader: int) -> list[int]:
    found = [leader]
    for pid in found:
        found.extend(_children(pid))
    return found


def _children(pid: int) -> Iterable[int]:
    if not ON_LINUX:
        rows = [line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines()]
        return [int(child) for child, parent in rows if int(parent) == pid]
    return [int(child) for told in _of_threads(pid, "children") for child in told.split()]


def _of_threads(pid: int, name: str) -> list[str]:
    """What Linux tells of each thread in a file of this name."""
    told: list[str] = []
    with suppress(OSError):  # it has just ended, or one of its threads: glob finds the folder, then lists it
        for file in Path(f"/proc/{pid}/task").glob(f"*/{name}"):
            with suppress(OSError):
                told.append(file.read_text(encoding="ascii"))
    return told


def _ps(*words: str) -> str:
    return subprocess.run(["ps", *words], capture_output=True, text=True, check=False).stdout


def _seconds(time: str) -> float:
    """Of ps' [[hours:]minutes:]seconds."""
    total = 0.0
    for part in time.replace("-", ":").split(":"):
        total = total * 60 + float(part)
    return total
