"""The mutation run: each small fault put into a room of the domain must be found by that room's own unit tests."""

import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.say import Progress, Stop
from scripts.local.tools import environment, run

ROOMS = ("sessions", "keys", "messages")
LEAST = 85.0
"""The least part of the mutants that must be killed, in percent."""

_SHOWN = 40
_WORKERS = 2
_COPIED = ("client", "common", "functions", "scripts", "tests")
_KILLED = {1, 3, 24, -24, 36, 152, 255}
"""mutmut's exit statuses: a test failed, pytest broke down, or the time was over. Any other counts as survival."""

_SETTINGS = """[mutmut]
source_paths = common
only_mutate =
    {mutated}
also_copy =
    {copied}
pytest_add_cli_args_test_selection =
    {tests}
pytest_add_cli_args =
    -p
    no:randomly
    -p
    no:xdist
    -p
    no:cacheprovider
    --capture=no
    --assert=plain
use_git_change_detection = false
track_dependencies = false
"""


@dataclass(frozen=True, slots=True)
class Mutants:
    total: int
    survivors: tuple[str, ...]
    """The files and functions they are in, with their numbers."""

    @property
    def percent(self) -> float:
        return 100 * (self.total - len(self.survivors)) / self.total if self.total else 0.0


def run_mutants(layout: Layout, progress: Progress) -> bool:
    """Make and try the mutants, in a copy of the checkout. Whether enough of them were killed."""
    copy = layout.local / "mutation"
    _prepare(layout, copy)
    try:
        with progress.step(f"Mutants of {', '.join(ROOMS)}"):
            run(
                [layout.python, "-P", "-m", "mutmut", "run", "--max-children", str(_WORKERS)],
                cwd=copy,
                env=environment(PYTHONPATH=str(copy)),
                cure="Do the unit tests of these rooms pass?",
            )
    except Stop as stop:
        progress.line(str(stop))
        return False
    mutants = read(copy / "mutants")
    for name in mutants.survivors[:_SHOWN]:
        progress.line(f"  survived: {name}")
    if len(mutants.survivors) > _SHOWN:
        progress.line(f"  and {len(mutants.survivors) - _SHOWN} more")
    progress.line(
        f"  {mutants.total - len(mutants.survivors)} of {mutants.total} mutants killed: "
        f"{mutants.percent:.1f} % (at least {LEAST:.0f} %). To see one: {to_see(copy, layout.python)}"
    )
    return mutants.percent >= LEAST


def to_see(copy: Path, python: Path) -> str:
    """What to type in a shell."""
    return f"cd {shlex.quote(str(copy))}; {shlex.join([str(python), '-m', 'mutmut', 'show'])} NAME"


def read(folder: Path) -> Mutants:
    """What mutmut recorded: beside each mutated file, the exit status of the tests for each mutant (None: not run)."""
    statuses: dict[str, int | None] = {}
    for file in sorted(folder.rglob("*.py.meta")):
        statuses |= json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
    survivors = tuple(name for name, status in statuses.items() if status not in _KILLED)
    return Mutants(len(statuses), survivors)


def _prepare(layout: Layout, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for folder in _COPIED:
        shutil.copytree(layout.root / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    files = [path for path in layout.root.iterdir() if path.is_file()]
    for path in files:
        shutil.copy2(path, copy)
    settings = _SETTINGS.format(
        mutated="\n    ".join(f"common/{room}/*" for room in ROOMS),
        tests="\n    ".join(f"tests/unit/{room}" for room in ROOMS),
        copied="\n    ".join([*_COPIED, *(path.name for path in files)]),
    )
    (copy / "setup.cfg").write_text(settings, encoding="utf-8")
