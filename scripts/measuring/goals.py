"""What the suite must reach: ratios of one run's medians, each with its target. Nothing else judges a run."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from scripts.measuring.results import Results

Compute = Callable[[Results], float | None]
"""The figure of a goal, None where a part of it was not measured."""


class Verdict(StrEnum):
    REACHED = "reached"
    MISSED = "missed"
    NOT_MEASURED = "not measured here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    name: str
    compute: Compute
    least: float | None = None
    most: float | None = None
    aim: float | None = None
    """What we would like, beyond what must be."""
    unit: str = ""

    def value(self, results: Results) -> float | None:
        return self.compute(results)

    def verdict(self, results: Results) -> Verdict:
        value = self.value(results)
        if value is None:
            return Verdict.NOT_MEASURED
        enough = self.least is None or value >= self.least
        return Verdict.REACHED if enough and (self.most is None or value <= self.most) else Verdict.MISSED

    @property
    def target(self) -> str:
        bound = f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"
        aim = f", aim {self.aim:g}" if self.aim is not None else ""
        return f"{bound}{self.unit}{aim}"


@dataclass(frozen=True)
class Figure:
    """A median of a run."""

    measurement: str
    figure: str
    case: tuple[tuple[str, str | int], ...]

    def __call__(self, results: Results) -> float | None:
        return results.median(self.measurement, self.figure, **dict(self.case))


def _figure(measurement: str, figure: str, **case: str | int) -> Figure:
    return Figure(measurement, figure, tuple(case.items()))


def ratio(one: Compute, other: Compute) -> Compute:
    def compute(results: Results) -> float | None:
        above, below = one(results), other(results)
        return above / below if above is not None and below else None

    return compute


def beyond(whole: Compute, *parts: Compute) -> Compute:
    """What is left of the whole without its parts."""

    def compute(results: Results) -> float | None:
        first, *rest = (each(results) for each in (whole, *parts))
        if first is None or None in rest:
            return None
        return first - sum(part for part in rest if part is not None)

    return compute


def _send(figure: str, target: str = "function", clients: int = 8) -> Figure:
    return _figure("send", figure, target=target, clients=clients)


_RATE = _send("per_second")

GOALS = (
    Goal(
        name="sends a second at 8 clients / the floor",
        compute=ratio(_RATE, _send("per_second", "floor")),
        least=0.70,
        aim=0.80,
    ),
    Goal(
        name="sends a second at 8 clients / the tutorial way",
        compute=ratio(_RATE, _send("per_second", "tutorial")),
        least=3.5,
    ),
    Goal(
        name="sends a second at 8 clients / Synapse",
        compute=ratio(_RATE, _send("per_second", "synapse")),
        least=25,
    ),
    Goal(
        name="sends a second at 8 clients / Prosody with a file archive",
        compute=ratio(_RATE, _send("per_second", "prosody")),
        least=1.5,
    ),
    Goal(
        name="a send by one client, p50 / Prosody's",
        compute=ratio(_send("p50_ms", clients=1), _send("p50_ms", "prosody", 1)),
        most=1.2,
        aim=1.0,
    ),
    Goal(
        name="CPU of a send at 8 clients / the tutorial way",
        compute=ratio(_send("worker_cpu_ms"), _send("worker_cpu_ms", "tutorial")),
        most=0.30,
    ),
    Goal(
        name="p99 / p50 of a send at 8 clients",
        compute=ratio(_send("p99_ms"), _send("p50_ms")),
        most=2.5,
    ),
    Goal(
        name="a send by one client, p50 outside of SQL and Firestore",
        compute=beyond(
            _send("p50_ms", clients=1),
            _send("sql_p50_ms", "floor", 1),
            _send("firestore_p50_ms", "floor", 1),
        ),
        most=0.6,
        unit=" ms",
    ),
    Goal(
        name="cold start of send_message / an ASGI hello",
        compute=ratio(
            _figure("cold start", "first_200_ms", target="send_message"),
            _figure("cold start", "first_200_ms", target="hello"),
        ),
        most=1.7,
    ),
    Goal(
        name="memory of a worker under load / hello's",
        compute=ratio(_send("worker_mib"), _send("worker_mib", "hello")),
        most=1.8,
    ),
    Goal(
        name="send to receive, p50 / Synapse",
        compute=ratio(
            _figure("receive", "p50_ms", target="sealpost"), _figure("receive", "p50_ms", target="synapse")
        ),
        most=0.15,
    ),
    Goal(
        name="opens a second / bare RSA and AES",
        compute=ratio(
            _figure("client", "per_second", operation="open"),
            _figure("client", "per_second", operation="bare open"),
        ),
        least=0.8,
    ),
    Goal(
        name="p50 of a send, a million accounts / a thousand",
        compute=ratio(
            _figure("growth", "p50_ms", accounts=1_000_000), _figure("growth", "p50_ms", accounts=1_000)
        ),
        most=1.2,
    ),
)
