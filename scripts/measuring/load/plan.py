"""What a generator is told to do, in a file: it is a process of its own, so that its CPU is not the target's."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    clients: int
    """Closed loops side by side, each on a connection of its own."""
    seconds: float
    warm_up: float
    """Seconds before the measured part."""
    requests: str
    """The path of what is sent (load/requests.py)."""
    port: int = 0

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: str) -> Self:
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
