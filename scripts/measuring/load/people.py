"""Real people of a measurement: accounts of the client, whose seals can be opened."""

import importlib
import json
import secrets
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pg8000.native

from scripts.local import postgres
from scripts.local.people import Person, mailed_link
from scripts.local.stack import DATABASE
from scripts.measuring.load.timing import say, spread
from sealpost.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePlan:
    """What a process of people is told, in a file."""

    service: str
    mailbox: str
    postgres: int
    """A port: the limits of what one person may do in a while are emptied between calls, never inside a measured one."""
    home: str
    worker: int
    """The service's process."""
    count: int

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: str) -> Self:
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))

    def connect(self) -> pg8000.native.Connection:
        return postgres.connect(self.postgres, DATABASE)


def unlimit(connection: pg8000.native.Connection) -> None:
    connection.run("delete from rate_limits")
    connection.run("delete from send_limits")


def newcomer(plan: PeoplePlan, name: str) -> Person:
    """Somebody who has not signed up."""
    mark = secrets.token_hex(4)
    return Person(name, f"{name}-{mark}@example.com", home=Path(plan.home) / mark)


def enter(plan: PeoplePlan, person: Person) -> None:
    """From nothing to published keys."""
    person.sign_up(plan.service)
    person.sign_in(mailed_link(plan.mailbox, person.address))


@contextmanager
def people(plan: PeoplePlan, *names: str) -> Iterator[list[Person]]:
    """People with an account each."""
    connection = plan.connect()
    met = [newcomer(plan, name) for name in names]
    try:
        for person in met:
            unlimit(connection)
            enter(plan, person)
        yield met
    finally:
        for person in met:
            person.close()
        connection.close()


@dataclass(slots=True)
class Clock:
    """Times named pieces of code, in nanoseconds."""

    spent: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _began: dict[str, int] = field(default_factory=dict)
    """When each was last begun."""

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timing(*args: Any, **kwargs: Any) -> Any:
            began = self._began[name] = time.perf_counter_ns()
            try:
                return function(*args, **kwargs)
            finally:
                self.spent[name].append(time.perf_counter_ns() - began)

        return timing

    def reached(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Time `from_{name}`: from where `name` was begun last to where `function` begins."""

        def reaching(*args: Any, **kwargs: Any) -> Any:
            if name in self._began:
                self.spent[f"from_{name}"].append(time.perf_counter_ns() - self._began[name])
            return function(*args, **kwargs)

        return reaching

    def calls(self, service: Service) -> None:
        """Time each call of this client by its function's name."""
        call = Service.call

        def timing(one: Service, function: str, *args: Any, **kwargs: Any) -> Any:
            if one is not service:
                return call(one, function, *args, **kwargs)
            return self.timed(function, call)(one, function, *args, **kwargs)

        setattr(Service, "call", timing)  # noqa: B010 - in this process alone

    def spreads(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, times in self.spent.items():
            figures |= spread(times, name)
        return figures


def in_place_of(module: str, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put something around a function of the client, in this process alone."""
    found = importlib.import_module(module)
    setattr(found, name, make(getattr(found, name)))


def tell(figures: dict[str, Any]) -> None:
    """The last line of a process of people."""
    say(json.dumps(figures))


def told() -> PeoplePlan:
    return PeoplePlan.read(sys.argv[1])
