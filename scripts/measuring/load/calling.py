"""The other calls, one after the other, as the Python client makes them: `python -m scripts.measuring.load.calling PLAN`.

The figures of each function: how long the client waits, and the service's CPU.
"""

import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from scripts.local.people import Person, mailed_link
from scripts.measuring import usage
from scripts.measuring.load.people import Clock, PeoplePlan, newcomer, tell, told, unlimit
from scripts.measuring.load.timing import spread
from scripts.measuring.population import Person as Seeded
from sealpost.account import Account
from sealpost.service import Service

_LOOKED_UP = (1, 50)


class _Watched:
    """Notes of each call its time and the service's CPU."""

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._clock = Clock()
        self._cpu: dict[str, list[float]] = defaultdict(list)

    def watch(self) -> None:
        call = Service.call

        def watching(service: Service, function: str, body: Any, **more: Any) -> Any:
            name = f"{function} ({len(body['accounts'])})" if function == "find_keys" else function
            before = usage.cpu_of(self._worker)
            try:
                return self._clock.timed(name, call)(service, function, body, **more)
            finally:
                self._cpu[name].append(usage.cpu_of(self._worker) - before)

        setattr(Service, "call", watching)  # noqa: B010 - in this process alone

    def figures(self) -> dict[str, dict[str, float]]:
        return {
            name: spread(times)
            | {"worker_cpu_ms": statistics.fmean(self._cpu[name]) * 1000, "count": float(len(times))}
            for name, times in self._clock.spent.items()
        }


def run(plan: PeoplePlan) -> dict[str, Any]:
    watched = _Watched(plan.worker)
    connection = plan.connect()
    everyone = [newcomer(plan, f"person{number}") for number in range(plan.count)]
    host = newcomer(plan, "host")
    try:
        for person in (host, *everyone):
            unlimit(connection)
            person.sign_up(plan.service)
            person.sign_in(mailed_link(plan.mailbox, person.address))
            if person is host:
                watched.watch()
            else:
                _meet(person, host)
    finally:
        connection.close()
        for person in (host, *everyone):
            person.close()
    return watched.figures()


def _meet(person: Person, host: Person) -> None:
    """Everything that one person calls besides: a conversation is made with the first message."""
    person.send(host.address, "Good evening.")
    for size in _LOOKED_UP:
        person.do(_find(size))
    person.do(lambda account: account._session._refresh(stale=account._session.tokens().access_token))  # noqa: SLF001


def _find(size: int) -> Callable[[Account], Any]:
    accounts = [{"address": None, "uid": Seeded(number).uid, "known_seq": -1} for number in range(size)]
    return lambda account: account._session.call("find_keys", {"accounts": accounts, "conversations": []})  # noqa: SLF001


if __name__ == "__main__":
    tell(run(told()))
