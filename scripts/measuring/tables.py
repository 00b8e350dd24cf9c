"""Tables of results, for a terminal and for the documents."""

import re
from collections.abc import Sequence

from scripts.measuring.goals import GOALS, Goal
from scripts.measuring.results import Case, Results, Row


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in GitHub's Markdown, its columns aligned for who reads the source. All but the first are numbers."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        padded = [f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]
        return f"| {' | '.join(padded)} |"

    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    return "\n".join([line(head), f"|{rule}|", *map(line, rows)])


def number(value: float | None) -> str:
    """With three digits that say something."""
    if value is None:
        return ""
    if abs(value) >= 100:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"  # noqa: PLR2004


def verdicts(results: Results) -> str:
    """What must be reached, and whether it was."""
    return markdown(
        ["what", "measured", "must be", "verdict"],
        [[goal.name, _measured(goal, results), goal.target, goal.verdict(results)] for goal in GOALS],
    )


def _measured(goal: Goal, results: Results) -> str:
    value = goal.value(results)
    return "" if value is None else number(value) + goal.unit


def of(results: Results, measurement: str) -> str:
    """The medians of a measurement, and how far the runs lie apart. The file has the tails besides."""
    rows = results.of(measurement)
    every = dict.fromkeys(figure for row in rows for run in row.runs for figure in run)
    figures = [figure for figure in every if not _TAIL.search(figure)]
    cases = list(dict.fromkeys(key for row in rows for key in row.case))
    return markdown(
        [*cases, *map(heading, figures)],
        [
            [*(str(row.case.get(key, "")) for key in cases), *(ranged(row, figure) for figure in figures)]
            for row in rows
        ],
    )


def chosen(rows: Sequence[Row], case: Sequence[str], figures: Sequence[str]) -> str:
    """Some figures of some rows; nothing of none."""
    if not rows:
        return ""
    return markdown(
        [*case, *map(heading, figures)],
        [[*_cells(row.case, case), *(ranged(row, figure) for figure in figures)] for row in rows],
    )


def ranged(row: Row, figure: str) -> str:
    """The median, and in brackets the least and the most, where there were several runs."""
    middle, least, most = row.median(figure), row.least(figure), row.most(figure)
    if middle is None or least == most:
        return number(middle)
    return f"{number(middle)} ({number(least)} - {number(most)})"


def heading(figure: str) -> str:
    """`worker_cpu_ms` as `worker cpu, ms`."""
    name, _, unit = figure.rpartition("_")
    if figure == "per_second":
        return "a second"
    return f"{name.replace('_', ' ')}, {_UNITS[unit]}" if unit in _UNITS else figure.replace("_", " ")


_TAIL = re.compile(r"p95_ms$|_p99_ms$")
_UNITS = {"ms": "ms", "mib": "MiB", "bytes": "bytes", "usd": "$", "s": "s"}


def _cells(case: Case, keys: Sequence[str]) -> list[str]:
    return [str(case.get(key, "")) for key in keys]
