"""`scripts/package`: what is uploaded of each function, in `build/functions/<name>/`.

A staged folder holds main.py, all of common/ and the lock as requirements.txt, nothing else. Equal sources give equal
bytes, in a fixed order, with fixed times and modes. Terraform compares what is staged with the checkout
(terraform/modules/function/source.tf), so what is left out here is left out there.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.local.layout import ROOT

EPOCH = 315_532_800
"""1980-01-01, the first moment that a zip file can name."""

LEFT_OUT = "__pycache__"


def stage(root: Path, staging: Path) -> list[Path]:
    """Stage all functions of a checkout anew. Their folders."""
    shutil.rmtree(staging, ignore_errors=True)
    sources = sorted(path.parent for path in (root / "functions").glob("*/main.py"))
    return [_stage_one(root, source, staging / source.name) for source in sources]


def _stage_one(root: Path, source: Path, folder: Path) -> Path:
    for path, name in sorted(_files(root, source)):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    _set_times(folder)
    return folder


def _files(root: Path, source: Path) -> Iterator[tuple[Path, str]]:
    """The files of one function, and what each is called where it is staged."""
    yield source / "main.py", "main.py"
    yield root / "requirements.txt", "requirements.txt"
    for path in (root / "common").rglob("*"):
        if path.is_file() and LEFT_OUT not in path.parts:
            yield path, path.relative_to(root).as_posix()


def _set_times(folder: Path) -> None:
    """Of a folder after the files in it, which would change its time."""
    for path in (*sorted(folder.rglob("*"), reverse=True), folder):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def main() -> int:
    staging = ROOT / "build" / "functions"
    print(f"Staged {len(stage(ROOT, staging))} functions in {staging.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
