"""What each plot shows, taken from the results: names and numbers alone. plots.py draws them."""

from dataclasses import dataclass, field

from scripts.measuring import receiving
from scripts.measuring.results import Results, Row


@dataclass(frozen=True, slots=True)
class Point:
    """A median, and the runs between which it lies."""

    label: str
    middle: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    """Of the file."""
    title: str
    unit: str
    across: str = ""
    """What the labels are."""
    series: dict[str, list[Point]] = field(default_factory=dict)
    """Several are lines over the same labels; one alone is bars."""
    logarithmic: bool = False


def charts(found: Results) -> list[Chart]:
    """Those that these results have something for."""
    every = [
        _throughput(found),
        _latency(found),
        _receive(found),
        _cold_start(found),
        *_growth(found),
        _sustained(found),
    ]
    return [chart for chart in every if any(chart.series.values())]


def _throughput(found: Results) -> Chart:
    rows = [row for row in found.of("send") if row.case["clients"] == 8 and row.case["target"] != "hello"]  # noqa: PLR2004
    points = [_point(row, "per_second", str(row.case["target"])) for row in rows]
    return Chart("throughput", "Sends by 8 clients, one worker", "a second", series={"": _known(points)})


def _latency(found: Results) -> Chart:
    series: dict[str, list[Point]] = {}
    for row in found.of("send"):
        if row.case["target"] != "hello":
            point = _point(row, "p50_ms", str(row.case["clients"]))
            series.setdefault(str(row.case["target"]), []).extend(_known([point]))
    return Chart("latency", "A send's median time, by clients", "ms", "clients", series, logarithmic=True)


def _receive(found: Results) -> Chart:
    points = [Point(name, *spread) for name, spread in receiving.parts(found).items()]
    return Chart("receive", "From one person's text to the other's, by part", "ms", series={"": points})


def _cold_start(found: Results) -> Chart:
    points = [_point(row, "first_200_ms", str(row.case["target"])) for row in found.of("cold start")]
    return Chart("cold-start", "From a process' start to its first answer", "ms", series={"": _known(points)})


def _growth(found: Results) -> list[Chart]:
    made = []
    for what in dict.fromkeys(key for row in found.of("growth") for key in row.case):
        rows = [row for row in found.of("growth") if what in row.case]
        points = _known([_point(row, "p50_ms", f"{row.case[what]:,}") for row in rows])
        made.append(
            Chart(f"growth-{what}", f"A send's median time, by {what}", "ms", what, {"one client": points})
        )
    return made


def _sustained(found: Results) -> Chart:
    row = next(iter(found.of("sustained")), None)
    memory = [run["worker_mib"] for run in row.runs] if row else []
    points = [Point(str(number + 1), value, value, value) for number, value in enumerate(memory)]
    return Chart(
        "sustained", "The worker's memory under load", "MiB", "pieces of the run", {"worker": points}
    )


def _point(row: Row, figure: str, label: str) -> Point | None:
    middle, least, most = row.median(figure), row.least(figure), row.most(figure)
    if middle is None or least is None or most is None:
        return None
    return Point(label, middle, least, most)


def _known(points: list[Point | None]) -> list[Point]:
    return [point for point in points if point is not None]
