"""The stack under the tests: scripts/test gives it by SEALPOST_STACK; pytest run alone starts one of its own."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.local import parts
from scripts.local.checks import STACK
from scripts.local.layout import Layout
from scripts.local.people import Person, mailed_link
from scripts.local.processes import Processes
from scripts.local.say import Progress
from scripts.local.stack import Backing, Suite, empty
from scripts.local.testbed import start_test_backing, start_test_suite
from sealpost.account import Surroundings
from sealpost.vault import Cost

NEEDS_STACK = ("contract", "functions", "rules", "e2e", "packaging")
"""Folders whose tests run on real parts. Their addresses are in the environment variables of the emulators' own SDKs."""

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(_HERE).parts[0] in NEEDS_STACK and isinstance(item, pytest.Function):
            item.fixturenames.insert(0, "backing")
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


@pytest.fixture(scope="session")
def layout() -> Layout:
    return Layout()


@pytest.fixture(scope="session")
def worker(worker_id: str) -> str:
    """The name of this pytest worker: main, or gw0, gw1 ... under xdist."""
    return "main" if worker_id == "master" else worker_id


@pytest.fixture(scope="session")
def processes(layout: Layout, worker: str) -> Iterator[Processes]:
    """Children of this worker, stopped at its end."""
    logs = layout.data("test") / "logs" / worker
    logs.mkdir(parents=True, exist_ok=True)
    ours = Processes(logs)
    yield ours
    ours.close()


@pytest.fixture(scope="session")
def backing(layout: Layout, worker: str) -> Iterator[Backing]:
    """PostgreSQL, the emulators and the mailbox. Its addresses are set in the environment for the adapters under test."""
    named = os.environ.get(STACK)
    if named:
        found = Backing.read(Path(named))
        _set_addresses(found)
        yield found
        return
    data = layout.local / f"pytest-{os.getpid()}-{worker}"
    empty(data)
    own = Processes(data / "logs")
    try:
        found = start_test_backing(own, parts.find(layout), layout, Progress(), data)
        _set_addresses(found)
        yield found
    finally:
        own.close()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def suite(layout: Layout, worker: str, processes: Processes, backing: Backing) -> Suite:
    """This worker's own project, database and service."""
    return start_test_suite(processes, layout, backing, worker)


@pytest.fixture
def database(backing: Backing, worker: str) -> Iterator[Callable[[str], str]]:
    """Gives the DSN of a new database, migrated and empty, for a name; dropped after the test."""
    made: list[str] = []

    def make(name: str) -> str:
        full = f"test_{worker}_{name}"
        backing.postgres.create(full, template="sealpost")
        made.append(full)
        return backing.postgres.dsn(full)

    yield make
    for full in made:
        backing.postgres.drop(full)


@pytest.fixture
def enter(suite: Suite, backing: Backing, tmp_path: Path) -> Iterator[Callable[[str], Person]]:
    """Gives a new person by name, signed up and in through the client, at an address that nobody has had before."""
    entered: list[Person] = []

    def one(name: str) -> Person:
        person = enter_as(name, suite, backing, tmp_path)
        entered.append(person)
        return person

    yield one
    for person in entered:
        person.close()


def enter_as(
    name: str, suite: Suite, backing: Backing, home: Path, surroundings: Surroundings | None = None
) -> Person:
    """Sign a new person up and in. The limits of sign_up do not count in tests that come from one address."""
    connection = backing.postgres.connect(suite.database)
    connection.run("delete from rate_limits")
    connection.close()
    address = f"{name}-{uuid.uuid4().hex[:8]}@example.com"
    person = Person(
        name, address, home=home, surroundings=surroundings or Surroundings(cost=Cost(memory=8, passes=1))
    )
    person.sign_up(suite.url)
    person.sign_in(mailed_link(backing.mailbox, address))
    return person


def _set_addresses(backing: Backing) -> None:
    os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{backing.ports.firestore}"
    os.environ["FIREBASE_AUTH_EMULATOR_HOST"] = f"127.0.0.1:{backing.ports.auth}"
    os.environ["POSTGRES_DSN"] = backing.postgres.dsn("postgres")
