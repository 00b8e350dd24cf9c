"""`scripts/test`: every check and test in parts, each against its time budget, on one stack."""

import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.local import coverage, mutation, parts, report
from scripts.local.arguments import TestArguments, read_test
from scripts.local.groups import GROUPS
from scripts.local.layout import Layout
from scripts.local.processes import Interrupted, Processes, interruptible
from scripts.local.report import Outcome
from scripts.local.runs import the_only_one
from scripts.local.say import Progress, Stop
from scripts.local.stack import Backing, empty
from scripts.local.testbed import start_test_backing
from scripts.local.tools import environment, run

STACK = "SEALPOST_STACK"
"""The environment variable that leads the tests to the stack: the path of a file that `Backing.read` reads."""

_NO_TESTS = 5
"""pytest's exit status when it collected nothing."""


@dataclass(frozen=True, slots=True)
class Tests:
    """A part that pytest runs: its folders or files, and how many workers share it."""

    folders: tuple[str, ...]
    workers: int = 0
    on_stack: bool = True
    shared_out: tuple[str, ...] = ("--maxschedchunk=100",)
    """xdist's words for how."""
    left_to_others: tuple[str, ...] = ()
    """Folders or files in these that another part runs."""


BUDGETS = {
    "static": 60,
    "unit": 10,
    "functions": 120,
    "rules": 40,
    "e2e": 120,
    "rest": 60,
    "restore": 60,
    "packaging": 45,
    "terraform": 90,
    "install": 900,
    "mutation": 300,
}
"""Seconds, on two cores and after the set-up."""

_RESTORE = tuple(f"tests/contract/test_{name}.py" for name in ("load", "restore", "restore_cloud"))

TESTS = {
    "unit": Tests(("tests/unit",), left_to_others=("tests/unit/client",), workers=2, on_stack=False),
    "functions": Tests(("tests/contract", "tests/functions"), left_to_others=_RESTORE, workers=2),
    "restore": Tests(_RESTORE),  # by one worker: a backup is restored into databases named by its day
    "rules": Tests(("tests/rules",), workers=2),
    "e2e": Tests(("tests/e2e",), workers=2, shared_out=("--dist=loadscope", "--no-loadscope-reorder")),
    "rest": Tests(
        ("tests/client", "tests/unit/client", "tests/local", "tests/imports"), workers=2, on_stack=False
    ),
    "packaging": Tests(("tests/packaging",), workers=2),
    "terraform": Tests(("tests/terraform",), workers=2, on_stack=False, shared_out=("--maxschedchunk=1",)),
    "install": Tests(("tests/install",), on_stack=False),
}


class Checks:
    """One run of scripts/test."""

    def __init__(self, layout: Layout, progress: Progress, arguments: TestArguments) -> None:
        self._layout = layout
        self._progress = progress
        self._arguments = arguments
        self._data = layout.data("test")
        self._processes = Processes(self._data / "logs")
        self._stack: Future[Backing] | None = None
        self._coverage = coverage.Coverage(layout) if arguments.coverage else None

    def run(self) -> int:
        """Run what was asked for. The exit status."""
        empty(self._data)
        if self._coverage:
            self._coverage.begin()
        try:
            with ThreadPoolExecutor(max_workers=1) as pool:
                if self._arguments.pytest or any(
                    name in TESTS and TESTS[name].on_stack for name in self._arguments.parts
                ):
                    self._stack = pool.submit(self._start_stack)
                try:
                    return self._only_pytest() if self._arguments.pytest else self._all_parts()
                finally:
                    self._processes.close()
        except Interrupted:
            GROUPS.signal_all()
            raise

    def _only_pytest(self) -> int:
        self._wait_for_stack()
        status = self._pytest("pytest", *self._arguments.pytest)
        return status or (0 if self._covered() else 1)

    def _all_parts(self) -> int:
        outcomes = []
        self._progress.line(f"The tests' order: --seed {self._arguments.seed}")
        for name in self._arguments.parts:
            self._progress.line(f"\n== {name}")
            if (
                name in TESTS
            ):  # the unit tests too: starting the stack beside them would be counted as their time
                self._wait_for_stack()
            began = time.monotonic()
            passed = self._part(name)
            outcomes.append(Outcome(name, time.monotonic() - began, BUDGETS[name], passed=passed))
        self._progress.line(report.slowest(self._data / "reports"))
        self._progress.line(report.table(outcomes))
        covered = self._covered()
        return 0 if covered and all(outcome.passed for outcome in outcomes) else 1

    def _part(self, name: str) -> bool:
        if name == "static":
            return self._static()
        if name == "mutation":
            return mutation.run_mutants(self._layout, self._progress)
        return self._tests(name, TESTS[name])

    def _covered(self) -> bool:
        """Say what was covered. Whether it is enough."""
        if self._coverage is None:
            return True
        figures = self._coverage.figures()
        self._progress.line(f"{report.coverage(figures)}\nLine by line: {self._coverage.line_by_line}")
        return report.is_enough(figures, self._arguments.least)

    def _static(self) -> bool:
        """The checks that run nothing of ours, mypy beside the others since it takes the longest."""
        cache = self._layout.cache
        root = self._layout.root
        python = [str(self._layout.python), "-P", "-m"]
        mypy = {"mypy --strict": [*python, "mypy", "--cache-dir", str(cache / "mypy")]}
        others = {
            "ruff check": [*python, "ruff", "check", "--cache-dir", str(cache / "ruff"), "."],
            "ruff format --check": [
                *python,
                "ruff",
                "format",
                "--check",
                "--cache-dir",
                str(cache / "ruff"),
                ".",
            ],
            "lint-imports": [
                str(self._layout.python),
                "-P",
                str(_script(self._layout, "lint-imports")),
                "--cache-dir",
                str(cache / "imports"),
            ],
            "functions.yaml": [
                *python,
                "check_jsonschema",
                "--schemafile",
                "functions.schema.json",
                "functions.yaml",
            ],
        }

        def check(commands: dict[str, list[str]]) -> bool:
            passed = True
            for name, command in commands.items():
                try:
                    with self._progress.step(name):
                        run(command, cwd=root, env=environment(PYTHONPATH=str(root)), cure="")
                except Stop as stop:
                    self._progress.line(f"{name}: {stop}")
                    passed = False
            return passed

        with ThreadPoolExecutor(max_workers=2) as pool:
            return all(list(pool.map(check, (mypy, others))))

    def _tests(self, name: str, tests: Tests) -> bool:
        left = [f"--ignore={self._layout.root / folder}" for folder in tests.left_to_others]
        workers = ["-n", str(tests.workers), *tests.shared_out] if tests.workers else []
        chosen = [] if self._arguments.long else ["-m", "not long"]
        status = self._pytest(
            name, *tests.folders, *left, *workers, *chosen, f"--randomly-seed={self._arguments.seed}", "-q"
        )
        return status == 0 or (status == _NO_TESTS and bool(chosen))

    def _pytest(self, name: str, *words: str) -> int:
        """Run pytest here, its output on ours. Its exit status."""
        cache = self._layout.cache
        variables = {
            "PYTHONPATH": str(self._layout.root),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(cache / "hypothesis"),
            STACK: str(self._data / "stack.json"),
        }
        module = self._coverage.module("pytest") if self._coverage else ["pytest"]
        command = [str(self._layout.python), "-P", "-m", *module, "-o", f"cache_dir={cache / 'pytest'}"]
        # On a terminal pytest shares it, for Ctrl-C and --pdb; elsewhere it leads a group, which the guard can end.
        alone = not sys.stdin.isatty()
        process = subprocess.Popen(
            [*command, f"--junitxml={self._data / 'reports' / name}.xml", *words],
            cwd=self._layout.root,
            env=environment(**variables),
            start_new_session=alone,
        )
        if alone:
            GROUPS.add(process.pid, signal.SIGTERM)
        try:
            return process.wait()
        finally:
            process.terminate()
            process.wait()
            if alone:
                GROUPS.remove(process.pid)

    def _start_stack(self) -> Backing:
        backing = start_test_backing(
            self._processes, parts.find(self._layout), self._layout, self._progress, self._data
        )
        backing.write(self._data / "stack.json")
        return backing

    def _wait_for_stack(self) -> None:
        if self._stack:
            self._stack.result()


def _script(layout: Layout, name: str) -> Path:
    return layout.venv / "bin" / name


def main(words: list[str]) -> int:
    layout, progress = Layout(), Progress()
    try:
        with interruptible(), the_only_one(layout.data("test")):
            return Checks(layout, progress, read_test(words)).run()
    except Interrupted as interrupted:
        return 128 + interrupted.number
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
