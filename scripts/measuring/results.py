"""The result file: everything that a run found out. All tables and plots are drawn from one."""

import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

SCHEMA = 1

Figures = dict[str, float]
"""Of one run of one case, by names that end in their unit: `p50_ms`, `per_second`, `worker_cpu_ms`."""

Case = dict[str, str | int]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One case of a measurement, such as `send` with `{"target": "function", "clients": 8}`."""

    measurement: str
    case: Case
    runs: list[Figures]

    def median(self, figure: str) -> float | None:
        return self._of(figure, statistics.median)

    def least(self, figure: str) -> float | None:
        return self._of(figure, min)

    def most(self, figure: str) -> float | None:
        return self._of(figure, max)

    def _of(self, figure: str, choose: Callable[[list[float]], float]) -> float | None:
        values = [run[figure] for run in self.runs if figure in run]
        return choose(values) if values else None


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cpu: str
    cores: int
    memory_gib: float
    system: str
    load: list[float]
    """The load average of 1, 5 and 15 minutes when the run began: on a quiet machine near 0."""


class Results(msgspec.Struct, forbid_unknown_fields=True):
    at: str
    """When it began: RFC 3339, UTC."""
    quick: bool
    """Of too few and too short runs to be quoted."""
    commit: str
    machine: Machine
    versions: dict[str, str]
    settings: dict[str, float]
    rows: list[Row]
    missing: dict[str, str]
    """What was not measured, and why."""
    minutes: float = 0.0
    """How long the run took."""
    schema: int = SCHEMA

    def row(self, measurement: str, **case: str | int) -> Row | None:
        return next((row for row in self.rows if row.measurement == measurement and row.case == case), None)

    def of(self, measurement: str) -> list[Row]:
        return [row for row in self.rows if row.measurement == measurement]

    def median(self, measurement: str, figure: str, **case: str | int) -> float | None:
        row = self.row(measurement, **case)
        return row.median(figure) if row else None

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(
            msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=1) + b"\n"
        )
        new.rename(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            msgspec.ValidationError: it is not one, or one of another schema.
        """
        found = msgspec.json.decode(path.read_bytes(), type=cls)
        if found.schema != SCHEMA:
            raise msgspec.ValidationError(
                f"{path.name} has schema {found.schema}; this harness reads {SCHEMA}."
            )
        return found


_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d+)\.json")


def next_path(folder: Path, day: str) -> Path:
    """Where a new file of this day goes: `2026-11-22-1.json`."""
    taken = [int(match[2]) for match in _matches(folder) if match[1] == day]
    return folder / f"{day}-{max(taken, default=0) + 1}.json"


def newest(folder: Path) -> Path | None:
    found = max(_matches(folder), key=lambda match: (match[1], int(match[2])), default=None)
    return folder / found.string if found else None


def _matches(folder: Path) -> list[re.Match[str]]:
    names = [path.name for path in folder.glob("*.json")]
    return [match for name in names if (match := _NAME.fullmatch(name))]
