"""What scripts/package stages: the sources and nothing else, and equal bytes of equal sources."""

import os
import shutil
from pathlib import Path

import pytest

from common.suite.manifest import Manifest
from scripts.local.layout import ROOT
from scripts.local.packaging import EPOCH, stage

SOME = {"jwks", "sign_up", "on_message_created"}
Staged = dict[str, tuple[int, int, bytes]]


def staged(folder: Path) -> Staged:
    """Everything below the folder: its mode, its time and its bytes."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode & 0o7777,
            int(path.stat().st_mtime),
            b"" if path.is_dir() else path.read_bytes(),
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Another clone, made at another time by somebody with another umask, with some of the functions."""
    clone = tmp_path / "clone"
    for name in ("common", *(f"functions/{name}" for name in SOME)):
        shutil.copytree(ROOT / name, clone / name, copy_function=shutil.copyfile)
    shutil.copyfile(ROOT / "requirements.txt", clone / "requirements.txt")
    for path in clone.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1, 1))
    return clone


def changed(checkout: Path, staging: Path, path: str) -> set[str]:
    """The functions whose staged folder changes with a file of the checkout."""
    before = {folder.name: staged(folder) for folder in stage(checkout, staging)}
    with (checkout / path).open("a") as file:
        file.write("\n# changed\n")
    after = {folder.name: staged(folder) for folder in stage(checkout, staging)}
    return {name for name in after if after[name] != before.get(name)}


def test_every_function_is_staged(staging: Path, manifest: Manifest) -> None:
    assert {path.name for path in staging.iterdir()} == {function.name for function in manifest.functions}


def test_a_staged_folder_holds_its_function_and_common_and_the_lock(staging: Path) -> None:
    common = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "common").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for folder in staging.iterdir():
        held = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        assert held.keys() == common | {"main.py", "requirements.txt"}
        assert held["main.py"].read_bytes() == (ROOT / "functions" / folder.name / "main.py").read_bytes()
        for name in common:
            assert held[name].read_bytes() == (ROOT / name).read_bytes()


def test_all_requirements_are_the_lock(staging: Path) -> None:
    requirements = {path.read_bytes() for path in staging.glob("*/requirements.txt")}
    assert requirements == {(ROOT / "requirements.txt").read_bytes()}


def test_equal_sources_give_equal_bytes(staging: Path, checkout: Path, tmp_path: Path) -> None:
    (checkout / "common" / "__pycache__").mkdir(exist_ok=True)
    (checkout / "common" / "__pycache__" / "clock.cpython-311.pyc").write_bytes(b"made by running it")
    for folder in stage(checkout, tmp_path / "staged"):
        again = staged(folder)
        assert again == staged(staging / folder.name)
        assert {mode for mode, _, _ in again.values()} == {0o644, 0o755}
        assert {time for _, time, _ in again.values()} == {EPOCH}


def test_a_change_changes_who_has_it(checkout: Path, tmp_path: Path) -> None:
    assert changed(checkout, tmp_path / "one", "functions/jwks/main.py") == {"jwks"}
    assert changed(checkout, tmp_path / "two", "common/clock.py") == SOME
    assert changed(checkout, tmp_path / "three", "requirements.txt") == SOME


def test_what_is_gone_is_staged_no_more(checkout: Path, tmp_path: Path) -> None:
    stage(checkout, tmp_path / "staged")
    (checkout / "common" / "clock.py").unlink()
    shutil.rmtree(checkout / "functions" / "jwks")
    stage(checkout, tmp_path / "staged")
    assert not list((tmp_path / "staged").rglob("clock.py"))
    assert not (tmp_path / "staged" / "jwks").exists()
