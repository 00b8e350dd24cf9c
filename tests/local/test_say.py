import io
import os
import re
import shutil
import time

import pytest

from scripts.local.say import Progress, finished


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_tick_never_fills_the_terminals_last_column(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))
    stream = Terminal()
    progress = Progress(stream)
    with progress.step("Firestore emulator " * 5), progress.step("PostgreSQL " * 10):
        end = time.monotonic() + 10
        while "..." not in stream.getvalue() and time.monotonic() < end:
            time.sleep(0.02)
    ticks = [shown for shown in re.split(r"\r\033\[K|\n", stream.getvalue()) if shown.startswith("  ...")]
    assert ticks
    assert {len(shown) for shown in ticks} == {columns - 1}


@pytest.mark.parametrize("ended", ["", "stopped after"])
@pytest.mark.parametrize("took", [0.04, 12345.6])
@pytest.mark.parametrize("name", ["Mailbox", "72 Python packages of the tests' lock " * 3])
def test_the_line_of_a_finished_step_fits_80_columns(name: str, ended: str, took: float) -> None:
    line = finished(name, ended, took)
    assert len(line) == 79
    assert line.startswith(f"  {name[:40]}")
    assert line.endswith(f" {ended} {took:.1f} s" if ended else f" {took:.1f} s")
