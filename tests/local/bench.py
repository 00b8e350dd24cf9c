"""Results for tests of the harness."""

from scripts.measuring.results import Machine, Results, Row


def results_of(*rows: Row) -> Results:
    return Results(
        at="2026-11-22T12:00:00+00:00",
        quick=False,
        commit="0123456789ab",
        machine=Machine(cpu="A CPU", cores=2, memory_gib=8.0, system="Linux", load=[0.1, 0.2, 0.3]),
        versions={"Python": "3.11.0"},
        settings={"repetitions": 3.0, "seconds": 5.0},
        rows=list(rows),
        missing={},
    )
