"""From a send to a waiting /sync of Synapse: `python -m scripts.measuring.load.matrix PLAN`.

Nothing is encrypted or opened, which is in Synapse's favour: of ours, both is measured.
"""

import json
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from scripts.local.ports import HOST
from scripts.measuring.load.timing import PATIENCE, say, spread

_FILTER = json.dumps(
    {"presence": {"types": []}, "account_data": {"types": []}, "room": {"ephemeral": {"types": []}}}
)


def run(plan: dict[str, Any]) -> dict[str, float]:
    """`plan` is {"port", "count", "sender", "room", "receiver", "event"}."""
    received: dict[str, int] = {}
    begun: dict[str, int] = {}
    over, ready, arrived = threading.Event(), threading.Event(), threading.Event()

    def receive() -> None:
        connection = HTTPConnection(HOST, plan["port"], timeout=60)
        since = _sync(connection, plan["receiver"], timeout="0")["next_batch"]
        ready.set()
        while not over.is_set():
            answer = _sync(connection, plan["receiver"], timeout="1000", since=since)
            now, since = time.perf_counter_ns(), answer["next_batch"]
            for room in answer.get("rooms", {}).get("join", {}).values():
                for event in room["timeline"]["events"]:
                    received.setdefault(event["content"].get("session_id", ""), now)
                    arrived.set()

    receiving = threading.Thread(target=receive)
    receiving.start()
    ready.wait(30)
    connection = HTTPConnection(HOST, plan["port"], timeout=60)
    headers = {"Authorization": f"Bearer {plan['sender']}", "Content-Type": "application/json"}
    for number in range(2 * plan["count"]):
        if number == plan["count"]:  # what came before has warmed it
            begun.clear()
        mark = f"s{number}-{time.time_ns()}"
        arrived.clear()
        begun[mark] = time.perf_counter_ns()
        path = f"/_matrix/client/v3/rooms/{quote(plan['room'])}/send/m.room.encrypted/{mark}"
        connection.request("PUT", path, json.dumps(plan["event"] | {"session_id": mark}), headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()  # noqa: S101, PLR2004
        answer.read()
        arrived.wait(PATIENCE)
    over.set()
    receiving.join(30)
    took = [received[mark] - began for mark, began in begun.items() if mark in received]
    return spread(took) | {"count": float(len(took)), "lost": float(len(begun) - len(took))}


def _sync(connection: HTTPConnection, token: str, **query: str) -> dict[str, Any]:
    path = f"/_matrix/client/v3/sync?{urlencode({'filter': _FILTER, **query})}"
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    return found


if __name__ == "__main__":
    say(json.dumps(run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
