"""Whom `scripts/erase` asks to do it."""

import subprocess
from pathlib import Path

import pytest

from scripts.local import erase
from scripts.local.layout import ROOT, Layout
from tests.local.cloud import Cloud


def test_a_deployments_job_is_given_the_uid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud.on_path(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    words = ["--project", "p", "--region", "r", "uid1"]
    assert subprocess.run([ROOT / "scripts" / "erase", *words], check=False).returncode == 0  # noqa: S603
    (call,) = cloud.calls
    assert call == ("gcloud run jobs execute erase --wait --project p --region r --args uid1", "")


def test_where_nothing_is_served_nothing_is_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(erase, "Layout", lambda: Layout(tmp_path))
    assert erase.main(["uid1"]) == 1
    assert capsys.readouterr().err == "erase: nothing is served. Start ./scripts/run, then erase.\n"
