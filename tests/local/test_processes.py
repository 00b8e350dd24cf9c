"""Children end with their supervisor, however it ends."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from scripts.local.layout import ROOT
from scripts.local.processes import Processes, wait_until
from scripts.local.say import Stop

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "\nState:\tZ" not in status.read_text()


def gone(*pids: int) -> bool:
    end = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(alive, pids))


def test_closing_stops_all_and_lets_none_start(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    children = [processes.start(f"Sleeper {number}", SLEEPER, env={}) for number in range(2)]
    assert processes.dead() is None
    processes.close()
    assert gone(*(child.process.pid for child in children))
    with pytest.raises(Stop, match="being stopped"):
        processes.start("Late", SLEEPER, env={})


def test_a_child_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    child = processes.start(
        "Brief", [sys.executable, "-c", "print('no disk left'); raise SystemExit(3)"], env={}
    )
    with pytest.raises(Stop, match=r"(?s)Brief stopped by itself \(status 3\).*no disk left"):
        wait_until(lambda: False, child, seconds=10)
    assert processes.dead() is child
    processes.close()


def test_a_running_child_is_found_by_its_name(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    child = processes.start("Sleeper", SLEEPER, env={})
    assert processes.named("Sleeper") is child
    processes.stop(child)
    with pytest.raises(KeyError):
        processes.named("Sleeper")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="Ghost does not start: /no/such/program"):
        Processes(tmp_path).start("Ghost", ["/no/such/program"], env={})


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_supervisor_leaves_no_child_and_no_grandchild(tmp_path: Path, end: signal.Signals) -> None:
    script = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from scripts.local.processes import Processes
        child = [sys.executable, "-c", "import subprocess, sys, time\\n"
                 "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\\n"
                 "print(p.pid, flush=True); time.sleep(60)"]
        print(Processes(Path({str(tmp_path)!r})).start("Parent", child, env={{}}).process.pid, flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen(  # noqa: S603 - a supervisor to be killed
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as supervisor:
        assert supervisor.stdout
        child = int(supervisor.stdout.readline())
        log = tmp_path / "parent.log"
        while not log.read_text().endswith("\n"):
            time.sleep(0.02)
        supervisor.send_signal(end)
        supervisor.wait(10)
        assert gone(child, int(log.read_text()))
