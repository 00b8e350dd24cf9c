"""What scripts/test says at its end: the slowest tests, and each part's time against its budget."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET


@dataclass(frozen=True, slots=True)
class Outcome:
    part: str
    seconds: float
    budget: int
    passed: bool


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
