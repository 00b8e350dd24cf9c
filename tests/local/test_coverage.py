"""The measurement itself, on a small checkout: what a child reaches counts, in a copy of the checkout too, and so does a file that nobody loads."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.local.coverage import PASSED_ON, SOURCES, Coverage
from scripts.local.layout import Layout

SOURCE = """
def half(number):
    if number % 2:
        return None
    return number // 2
"""
PARENT = f"""
import os, signal, subprocess, sys, time
kept = {{"PYTHONPATH": ".", "{PASSED_ON}": os.environ["{PASSED_ON}"]}}
words = "import common.numbers_; common.numbers_.half(4); print('there', flush=True); import time; time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", words], env=kept, stdout=subprocess.PIPE)
child.stdout.readline()
child.send_signal(signal.SIGTERM)
child.wait()
subprocess.run([sys.executable, "-c", "import common.numbers_; common.numbers_.half(3)"], cwd="copy", check=True)
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    for folder in SOURCES:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "common" / "numbers_.py").write_text(SOURCE)
    (tmp_path / "client" / "sealpost" / "unloaded.py").write_text("number = 1\n")
    shutil.copytree(tmp_path / "common", tmp_path / "copy" / "common")
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "venv").symlink_to(sys.prefix)
    return Layout(tmp_path)


def test_a_child_that_a_signal_ends_and_one_in_a_copy_are_measured(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSED_ON, raising=False)
    measurement = Coverage(layout)
    measurement.begin()
    subprocess.run(  # noqa: S603 - the module under test
        [sys.executable, "-m", *measurement.module("parent")],
        cwd=layout.root,
        check=True,
        env=os.environ | {"PYTHONPATH": f".{os.pathsep}client"},
    )
    found = {Path(one.name).name: one for one in measurement.figures()}
    assert set(found) == {"__init__.py", "numbers_.py", "unloaded.py"}
    assert (found["numbers_.py"].lines, found["numbers_.py"].lines_of) == (4, 4)
    assert (found["numbers_.py"].branches, found["numbers_.py"].branches_of) == (2, 2)
    assert found["unloaded.py"].lines == 0
