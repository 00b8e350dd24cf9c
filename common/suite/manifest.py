"""functions.yaml, read. Its shape is guarded by functions.schema.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    name: str
    source: Path
    trigger: dict[str, dict[str, str]]
    environment: dict[str, str]

    @property
    def route(self) -> str | None:
        """Where it is called; None for a function that Firestore calls."""
        (trigger,) = self.trigger.values()
        return trigger.get("route")

    @property
    def method(self) -> str:
        """The HTTP method that it is called with."""
        (trigger,) = self.trigger.values()
        return trigger.get("method", "POST")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    functions: tuple[Function, ...]
    environment: dict[str, str]
    """Of all functions together, for a process that runs them all."""

    @classmethod
    def read(cls, root: Path = ROOT) -> Self:
        raw: dict[str, Any] = yaml.safe_load((root / "functions.yaml").read_text(encoding="utf-8"))
        shared: dict[str, str] = raw["defaults"]["environment"]
        functions = tuple(
            Function(
                name=name,
                source=root / "functions" / name / "main.py",
                trigger=entry["trigger"],
                environment=shared | entry.get("environment", {}),
            )
            for name, entry in raw["functions"].items()
        )
        together: dict[str, str] = {}
        for function in functions:
            together |= function.environment
        return cls(functions=functions, environment=together)
