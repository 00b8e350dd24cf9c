"""What the tests reach of common/ and client/, in every process that they start."""

import json
import shutil
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.report import Covered
from scripts.local.tools import environment, run

PASSED_ON = "COVERAGE_PROCESS_CONFIG"
"""The environment variable by which a child is measured too; whoever cuts a child's environment passes it on."""

SOURCES = ("common", "client/sealpost")

_SETTINGS = """[run]
branch = true
parallel = true
concurrency = multiprocessing,thread
patch = subprocess
sigterm = true
data_file = {data}
source =
    {sources}
source_pkgs =
    {packages}
disable_warnings = no-data-collected,module-not-measured,module-not-imported

[paths]
{paths}
"""
_PATHS = """{name} =
    {here}
    */{folder}"""


class Coverage:
    """One measurement."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.local / "coverage"

    def begin(self) -> None:
        """Forget the last measurement."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        root = self._layout.root
        paths = [
            _PATHS.format(name=Path(folder).name, here=root / folder, folder=folder) for folder in SOURCES
        ]
        self._settings.write_text(
            _SETTINGS.format(
                data=self._folder / "data",
                packages="\n    ".join(Path(folder).name for folder in SOURCES),
                sources="\n    ".join(str(root / folder) for folder in SOURCES),
                paths="\n".join(paths),
            ),
            encoding="utf-8",
        )

    def module(self, name: str) -> list[str]:
        """Python's words after -m that run a module and measure it."""
        return ["coverage", "run", f"--rcfile={self._settings}", "-m", name]

    def figures(self) -> list[Covered]:
        """What was reached of each file, files that no process loaded included.

        Raises:
            Stop: nothing was measured.
        """
        found = self._folder / "figures.json"
        self._coverage("combine", "--quiet")
        self._coverage("json", "--quiet", "-o", str(found))
        files = json.loads(found.read_text(encoding="utf-8"))["files"]
        return [_covered(str(path), figures["summary"]) for path, figures in files.items()]

    @property
    def line_by_line(self) -> str:
        """The command that says which lines were not reached."""
        return f"{self._layout.python} -m coverage report -m --skip-covered --rcfile={self._settings}"

    @property
    def _settings(self) -> Path:
        return self._folder / "settings.ini"

    def _coverage(self, command: str, *words: str) -> None:
        run(
            [self._layout.python, "-P", "-m", "coverage", command, f"--rcfile={self._settings}", *words],
            cwd=self._layout.root,
            env=environment(),
            cure="",
        )


def _covered(path: str, summary: dict[str, int]) -> Covered:
    return Covered(
        path,
        summary["covered_lines"],
        summary["num_statements"],
        summary["covered_branches"],
        summary["num_branches"],
    )
