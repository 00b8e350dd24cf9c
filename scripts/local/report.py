"""What scripts/test says at its end: the slowest tests, and each part's time against its budget."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET


@dataclass(frozen=True, slots=True)
class Outcome:
    part: str
    seconds: float
    budget: int
    passed: bool


@dataclass(frozen=True, slots=True)
class Covered:
    """What the tests reached of a file or a package."""

    name: str
    lines: int
    lines_of: int
    branches: int
    branches_of: int

    @property
    def line_percent(self) -> float:
        return _percent(self.lines, self.lines_of)

    @property
    def branch_percent(self) -> float:
        return _percent(self.branches, self.branches_of)


def _percent(part: int, of: int) -> float:
    return 100 * part / of if of else 100.0


def together(name: str, files: Iterable[Covered]) -> Covered:
    listed = list(files)
    return Covered(
        name,
        *(
            sum(getattr(one, what) for one in listed)
            for what in ("lines", "lines_of", "branches", "branches_of")
        ),
    )


def coverage(files: list[Covered], worst: int = 10) -> str:
    """Each package, all of them, and the files with the most that was not reached."""
    packages: dict[str, list[Covered]] = {}
    for one in files:
        packages.setdefault(str(Path(one.name).parent), []).append(one)
    rows = [together(name, found) for name, found in sorted(packages.items())]
    missed = sorted(files, key=lambda one: one.lines + one.branches - one.lines_of - one.branches_of)
    return "\n".join(
        [
            "",
            f"  {'covered':<40}{'lines':>9}{'branches':>11}",
            *map(_covered_row, rows),
            _covered_row(together("together", files)),
            "",
            "Most was missed in:",
            *(
                f"{_covered_row(one)}   {one.lines_of - one.lines} lines, {one.branches_of - one.branches} branches"
                for one in missed[:worst]
                if (one.lines, one.branches) != (one.lines_of, one.branches_of)
            ),
        ]
    )


def is_enough(files: list[Covered], least: float | None) -> bool:
    """Whether lines and branches, each of all files together, reach the least percentage that is asked for."""
    everything = together("together", files)
    return least is None or min(everything.line_percent, everything.branch_percent) >= least


def _covered_row(one: Covered) -> str:
    return f"  {one.name:<40}{one.line_percent:>7.1f} %{one.branch_percent:>9.1f} %"


def table(outcomes: list[Outcome]) -> str:
    lines = ["", f"  {'part':<14}{'time':>9}{'budget':>9}"]
    for outcome in outcomes:
        verdict = "passed" if outcome.passed else "FAILED"
        over = ", over its budget" if outcome.seconds > outcome.budget else ""
        lines.append(f"  {outcome.part:<14}{outcome.seconds:>7.1f} s{outcome.budget:>7} s  {verdict}{over}")
    lines.append(f"  {'together':<14}{sum(outcome.seconds for outcome in outcomes):>7.1f} s")
    return "\n".join(lines)


def slowest(reports: Path, count: int = 10) -> str:
    """The slowest tests of pytest's JUnit reports."""
    times = [
        (float(case.get("time", "0")), f"{case.get('classname', '')}.{case.get('name', '')}")
        for file in reports.glob("*.xml")
        for case in ET.parse(file).iter("testcase")  # noqa: S314 - pytest wrote it a moment ago
    ]
    if not times:
        return ""
    listed = [f"  {taken:7.2f} s  {name}" for taken, name in sorted(times, reverse=True)[:count]]
    return "\n".join(["", "The slowest tests:", *listed])
