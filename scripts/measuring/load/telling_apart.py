"""Whether sign_up's time tells if an address is known: `python -m scripts.measuring.load.telling_apart PLAN`.

New and known addresses in turn, each from a network of its own, so that no limit is in the way. The effect size is Cohen's
d: the difference of the means in standard deviations. Below 0.2 is called small (Cohen 1988, section 2.2.3).
"""

import http.client
import json
import math
import secrets
import statistics
import time
from typing import Any
from urllib.parse import urlsplit

from scripts.measuring.load.people import PeoplePlan, tell, told, unlimit
from scripts.measuring.load.timing import spread


def cohen(one: list[float], other: list[float]) -> float:
    """Of two samples of equal size."""
    pooled = math.sqrt((statistics.variance(one) + statistics.variance(other)) / 2)
    return (statistics.fmean(one) - statistics.fmean(other)) / pooled


def run(plan: PeoplePlan) -> dict[str, Any]:
    connection = plan.connect()
    url = urlsplit(plan.service)
    caller = http.client.HTTPConnection(str(url.hostname), url.port, timeout=30)
    new = [f"new-{secrets.token_hex(6)}@example.com" for _ in range(plan.count)]
    known = [f"old-{secrets.token_hex(6)}@example.com" for _ in range(plan.count)]
    for address in (*known, *(f"warm-{secrets.token_hex(6)}@example.com" for _ in range(5))):
        _sign_up(caller, address)
    unlimit(connection)
    times: tuple[list[int], list[int]] = ([], [])
    for pair in zip(new, known, strict=True):
        # Which comes first is drawn, lest the second of two be told from the first by that alone.
        for which in secrets.choice(((0, 1), (1, 0))):
            times[which].append(_sign_up(caller, pair[which]))
    connection.close()
    caller.close()
    return {
        **spread(times[0], "new"),
        **spread(times[1], "known"),
        "effect_size": cohen(*([float(value) for value in one] for one in times)),
        "count": float(plan.count),
    }


def _sign_up(caller: http.client.HTTPConnection, address: str) -> int:
    """The nanoseconds of a call from somewhere else than all others."""
    network = ".".join(str(byte) for byte in secrets.token_bytes(3))
    headers = {"Content-Type": "application/json", "X-Forwarded-For": f"{network}.1"}
    began = time.perf_counter_ns()
    caller.request("POST", "/v1/sign_up", json.dumps({"email": address}), headers)
    answer = caller.getresponse()
    answer.read()
    took = time.perf_counter_ns() - began
    assert answer.status == http.client.ACCEPTED, answer.status  # noqa: S101
    return took


if __name__ == "__main__":
    tell(run(told()))
