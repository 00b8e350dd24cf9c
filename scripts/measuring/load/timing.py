"""What a generator tells of its run: when the measured part begins and ends, and one line of figures.

The lines `begin` and `end` on standard output let the harness look at the CPU of all processes at those moments.
"""

import asyncio
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.measuring.load.plan import Plan

BEGIN = "begin"
END = "end"
_LOOK = 0.2
"""Seconds that the harness has to look at all processes."""
PATIENCE = 5.0
"""Seconds after which a message that was sent counts as lost."""


@dataclass(slots=True)
class Timing:
    """Latencies of a run, in nanoseconds, of its measured part alone; its errors up to the very end."""

    latencies: list[int] = field(default_factory=list)
    errors: int = 0
    samples: list[str] = field(default_factory=list)
    """The first answers that were none."""
    running: bool = False
    _began: float = 0.0
    _ended: float = 0.0
    _cpu: float = 0.0

    async def take(self, plan: Plan) -> None:
        """Warm up, measure, and keep the load on while the harness looks: what ends meanwhile may escape it."""
        await asyncio.sleep(plan.warm_up)
        self.begin()
        await asyncio.sleep(plan.seconds)
        self.end()
        await asyncio.sleep(_LOOK)

    def begin(self) -> None:
        self.latencies.clear()
        self.errors = 0
        self.running = True
        self._cpu = time.process_time()
        self._began = time.perf_counter()
        say(BEGIN)

    def end(self) -> None:
        self.running = False
        self._ended = time.perf_counter()
        self._cpu = time.process_time() - self._cpu
        say(END)

    def note(self, nanoseconds: int) -> None:
        if self.running:
            self.latencies.append(nanoseconds)

    def fail(self, sample: str) -> None:
        if len(self.samples) < 3:  # noqa: PLR2004 - enough to understand
            self.samples.append(sample[:300])
        self.errors += 1

    def tell(self, **more: float) -> None:
        """Print the figures. Of errors the first ones are shown, for whoever looks for their cause."""
        seconds = self._ended - self._began
        figures = spread(self.latencies) | {
            "count": len(self.latencies),
            "errors": self.errors,
            "per_second": len(self.latencies) / seconds,
            "generator_share": self._cpu / seconds,
            **more,
        }
        say(json.dumps({"figures": figures, "samples": self.samples}))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def spread(nanoseconds: Sequence[int], name: str = "") -> dict[str, float]:
    """The median and the tail in ms: `p50_ms`, or `sql_p50_ms` for a name."""
    if not nanoseconds:
        return {}
    ordered = sorted(nanoseconds)
    lead = f"{name}_" if name else ""
    return {
        f"{lead}p50_ms": statistics.median(ordered) / 1e6,
        f"{lead}p95_ms": percentile(ordered, 0.95) / 1e6,
        f"{lead}p99_ms": percentile(ordered, 0.99) / 1e6,
    }


def percentile(ordered: Sequence[int], share: float) -> int:
    """By nearest rank: the smallest value that so large a share of all do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
