"""A client that was away: `python -m scripts.measuring.load.catching_up PLAN`. Alice sends, then Bob fetches all of it."""

import os
import time
from typing import Any

from scripts.measuring import usage
from scripts.measuring.load.people import PeoplePlan, people, tell, told, unlimit
from scripts.measuring.load.receiving import TEXT

_AT_ONCE = 50


def run(plan: PeoplePlan) -> dict[str, Any]:
    with people(plan, "alice", "bob") as (alice, bob):
        connection = plan.connect()
        for number in range(plan.count):
            if number % _AT_ONCE == 0:
                unlimit(connection)
            alice.send(bob.address, f"{number} {TEXT}")
        connection.close()
        before, began, cpu = usage.memory_of(os.getpid()), time.perf_counter(), time.process_time()
        items = bob.do(lambda account: account.inbox())
        seconds = time.perf_counter() - began
        after = usage.memory_of(os.getpid())
        assert len(items) == plan.count, len(items)  # noqa: S101
    return {
        "messages": float(plan.count),
        "seconds_s": seconds,
        "per_second": plan.count / seconds,
        "client_cpu_ms": (time.process_time() - cpu) * 1000 / plan.count,
        "before_mib": before,
        "after_mib": after,
    }


if __name__ == "__main__":
    tell(run(told()))
