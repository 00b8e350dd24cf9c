"""In which order cases are run: all of them before any comes again, so that what drifts on a machine drifts for all.

Each round has an order of its own, the same in every run of the bench: whoever always comes after the same neighbour
pays for what that one leaves behind, such as a database that has stood idle.
"""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import TypeVar

from scripts.measuring.results import Case, Figures, Row

Thing = TypeVar("Thing")


def interleaved(things: Sequence[Thing], repetitions: int) -> list[Thing]:
    """The first round is in the order given."""
    later = (Random(number).sample(things, len(things)) for number in range(1, repetitions))  # noqa: S311 - no secret
    return [*things, *(thing for each in later for thing in each)]


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
