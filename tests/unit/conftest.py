"""What unit tests share: hypothesis without a clock, and the log as it would be printed."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest

from common.telemetry.logs import JsonLines

hypothesis.settings.register_profile("unit", deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("unit")


@dataclass
class Printed(logging.Handler):
    """Every record of any logger, as common.telemetry formats it."""

    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())

    __hash__ = logging.Handler.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text]


@pytest.fixture
def printed() -> Iterator[Printed]:
    """The log of this test."""
    handler, ours, root = Printed(), logging.getLogger("sealpost"), logging.getLogger()
    before = ours.level, ours.disabled
    ours.setLevel(logging.INFO)
    ours.disabled = False
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    ours.setLevel(before[0])
    ours.disabled = before[1]
