"""In which order cases are run: A B C A B C A B C, so that what drifts on a machine drifts for all of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from scripts.measuring.results import Case, Figures, Row

Thing = TypeVar("Thing")


def interleaved(things: Sequence[Thing], repetitions: int) -> list[Thing]:
    return [thing for _ in range(repetitions) for thing in things]


def measured(
    measurement: str, cases: Sequence[Case], repetitions: int, measure: Callable[[Case], Figures]
) -> list[Row]:
    """Measure each case so many times, in turn."""
    return gathered(measurement, ((case, measure(case)) for case in interleaved(cases, repetitions)))


def gathered(measurement: str, runs: Iterable[tuple[Case, Figures]]) -> list[Row]:
    """The runs as rows, one for each case, in the order in which the cases first came."""
    rows: list[Row] = []
    for case, figures in runs:
        for row in rows:
            if row.case == case:
                row.runs.append(figures)
                break
        else:
            rows.append(Row(measurement, case, [figures]))
    return rows
