"""Whom `scripts/erase` asks to do it."""

from pathlib import Path

import pytest

from scripts.local import erase
from scripts.local.layout import Layout


def test_where_nothing_is_served_nothing_is_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(erase, "Layout", lambda: Layout(tmp_path))
    assert erase.main(["uid1"]) == 1
    assert capsys.readouterr().err == "erase: nothing is served. Start ./scripts/run, then erase.\n"
