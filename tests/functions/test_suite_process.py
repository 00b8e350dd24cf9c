"""The suite server as a process: what it says when it cannot start, and how it ends."""

import signal
import subprocess

import pytest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from tests.functions.alone import suite_beside
from tests.functions.arena import Arena


@pytest.mark.parametrize("missing", ["SEALPOST_URL", "GOOGLE_CLOUD_PROJECT"])
def test_without_a_setting_it_does_not_start_and_names_it(arena: Arena, layout: Layout, missing: str) -> None:
    environment = {name: value for name, value in arena.environment.items() if name != missing}
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [layout.python, "-P", "-m", "common.suite", "--port", "0"],
        cwd=layout.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"The suite cannot start: Set {missing} in the environment.\n"


def test_an_interrupt_ends_it_without_a_word(arena: Arena, layout: Layout, processes: Processes) -> None:
    with suite_beside(arena, processes, layout) as beside:
        begun = beside.child.log.stat().st_size
        beside.child.process.send_signal(signal.SIGINT)
        assert beside.child.process.wait(10) == 0
        assert beside.child.log.stat().st_size == begun
