"""The emulator's coverage report: every expression of the rules, where it stands, and the values it has had."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.rules.world import World

LITERALS = ("true", "false")


@dataclass(frozen=True, slots=True)
class Expression:
    """A part of the rules' text."""

    start: int
    end: int
    line: int
    text: str
    values: tuple[Any, ...]
    """What it came to, each once. An expression that failed, or was not reached, has no value for that time."""

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"

    @property
    def is_condition(self) -> bool:
        return True in self.values or False in self.values

    @property
    def lacks(self) -> str:
        """What no case has made it, or nothing."""
        if not self.values:
            return "any value"
        if not self.is_condition or self.text in LITERALS:
            return ""
        return " and ".join(str(one).lower() for one in (True, False) if one not in self.values)


async def expressions(world: World) -> list[Expression]:
    """Every expression of the project's rules, the outer ones first."""
    answer = await world.owner.http.get(f"/emulator/v1/projects/{world.project}:ruleCoverage")
    answer.raise_for_status()
    report = answer.json()
    source: str = report["rules"]["files"][0]["content"]
    return [found for root in report["report"] for found in _within(root, source)]


def replaced(source: str, expression: Expression, by: str) -> str:
    return f"{source[: expression.start]}{by}{source[expression.end :]}"


def _within(node: dict[str, Any], source: str) -> Iterator[Expression]:
    place = node["sourcePosition"]
    start, end = place["currentOffset"], _end(source, place["currentOffset"], place["endOffset"] + 1)
    seen = tuple(_value(one["value"]) for one in node.get("values", []) if _has_value(one["value"]))
    yield Expression(start, end, place["line"], " ".join(source[start:end].split()), seen)
    for child in node.get("children", []):
        yield from _within(child, source)


def _has_value(value: dict[str, Any]) -> bool:
    return bool(value) and "undefined" not in value


def _value(value: dict[str, Any]) -> Any:
    """A boolean as itself; of all others it matters only that they were there."""
    return value.get("boolValue", "some value")


def _end(source: str, start: int, end: int) -> int:
    """The report leaves out the bracket that closes a call, and the pair of one without arguments."""
    if source.startswith("()", end):
        end += 2
    while source.count("(", start, end) > source.count(")", start, end):
        end = source.index(")", end) + 1
    return end
