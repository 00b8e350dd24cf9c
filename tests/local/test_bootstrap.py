import os
import subprocess
from pathlib import Path

import pytest

from scripts.local import bootstrap
from scripts.local.layout import Layout

PYTHON = """#!/bin/sh
printf '%s\\n' "$SEALPOST_HOME" "$@"
"""


@pytest.fixture(params=["checkout", 'a $HOME of "one\'s" own}'])
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> Layout:
    """A checkout whose Python prints where the profiles are, and its arguments."""
    layout = Layout(tmp_path / request.param)
    (layout.venv / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    layout.python.parent.mkdir()
    layout.python.write_text(PYTHON)
    layout.python.chmod(0o755)
    bootstrap._put_client_on_path(layout)
    return layout


def printed(layout: Layout, **more: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SEALPOST_HOME"} | more
    command = [str(layout.local / "bin" / "sealpost"), "send", "two words"]
    return subprocess.check_output(command, env=environment, text=True).splitlines()  # noqa: S603 - the script under test


def test_profiles_are_among_the_data_that_fresh_empties(layout: Layout) -> None:
    home, *words = printed(layout)
    assert Path(home) == layout.data("run") / "profiles"
    assert words == ["-P", "-m", "sealpost", "send", "two words"]


def test_a_folder_that_the_person_named_is_kept(layout: Layout) -> None:
    assert printed(layout, SEALPOST_HOME="/some where")[0] == "/some where"
