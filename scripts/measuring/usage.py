"""What a process and its children use: CPU seconds, and memory that is theirs alone.

On Linux from /proc: a page that a worker still shares with the master it was forked from counts once (its private pages,
the USS of each process, would leave it out, and count it twice when a garbage collection has touched it). Elsewhere from
ps, where memory is the resident set instead.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

ON_LINUX = sys.platform.startswith("linux")

_KIB_IN_MIB = 1024
_SCHEDULED = 2
"""Of a process' clocks the one that counts its time on a CPU in ns: what clock_getcpuclockid(3) makes a clock of a pid with."""


def cpu_of(leader: int) -> float:
    """CPU seconds, user and system, of a process and all that it has started."""
    return _sum(_cpu, leader)


def memory_of(leader: int) -> float:
    """MiB of a process and all that it has started: slow to look up where that is much."""
    return _sum(_own, leader)


def _sum(look: Callable[[int], float], leader: int) -> float:
    total = 0.0
    for pid in _tree(leader):
        with suppress(OSError, ValueError, IndexError):  # it has just ended
            total += look(pid)
    return total


def _cpu(pid: int) -> float:
    """Seconds of a process, its threads that have ended too; on Linux also of its children that have, to 10 ms."""
    if not ON_LINUX:
        return _seconds(_ps("-o", "time=", "-p", str(pid)).strip())
    # The fields after the name, which may hold blanks (proc_pid_stat(5)): 16 and 17 are cutime and cstime.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(~pid << 3 | _SCHEDULED) + ended


def _own(pid: int) -> float:
    """Anonymous memory, each page divided by how many processes have it: only those of one tree do."""
    if not ON_LINUX:
        return int(_ps("-o", "rss=", "-p", str(pid))) / _KIB_IN_MIB
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / _KIB_IN_MIB


def _tree(leader: int) -> list[int]:
    found = [leader]
    for pid in found:
        found.extend(child for child in _children(pid) if child not in found)
    return found


def _children(pid: int) -> Iterable[int]:
    if not ON_LINUX:
        rows = [line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines()]
        return [int(child) for child, parent in rows if int(parent) == pid]
    found: list[int] = []
    with suppress(OSError):  # it has just ended, or one of its threads: glob finds the folder, then lists it
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                found.extend(int(child) for child in file.read_text(encoding="ascii").split())
    return found


def _ps(*words: str) -> str:
    return subprocess.run(["ps", *words], capture_output=True, text=True, check=False).stdout


def _seconds(told: str) -> float:
    """Of ps' [[hours:]minutes:]seconds."""
    total = 0.0
    for part in told.replace("-", ":").split(":"):
        total = total * 60 + float(part)
    return total
