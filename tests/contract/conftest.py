"""Real parts for the adapters: a database of their own in the running PostgreSQL, a project of their own in the emulators."""

import time
import uuid
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from common.storage.firestore.client import FirestoreClient
from common.storage.postgres.connect import plain
from common.storage.postgres.dialling import direct
from common.storage.postgres.migrate import migrate
from common.storage.postgres.pool import Pool
from common.storage.postgres.server import Server
from common.storage.postgres.statements import Statements
from scripts.local.stack import Backing
from tests.contract.world import FakeWorld, RealWorld, World


@pytest.fixture(scope="session")
def server(backing: Backing) -> str:
    """The DSN of the server, as a user that may make databases."""
    return backing.postgres.dsn("postgres")


@pytest.fixture
def empty_dsn(server: str) -> Iterator[str]:
    yield from _database(server)


@pytest.fixture(scope="session")
def dsn(server: str) -> Iterator[str]:
    for dsn in _database(server):
        migrate(plain(dsn))
        yield dsn


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    pool = Pool(connect=plain(dsn), size=4)
    yield pool
    pool.close()


@pytest.fixture
async def statements(dsn: str) -> AsyncIterator[Statements]:
    statements = Statements(dial=direct(Server.parse(dsn)), size=4)
    yield statements
    statements.close()


@pytest.fixture(scope="session")
def project() -> str:
    return f"demo-contract-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def firestore(project: str, backing: Backing) -> AsyncIterator[FirestoreClient]:
    client = FirestoreClient(project, f"127.0.0.1:{backing.ports.firestore}")
    yield client
    await client.close()


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return FakeWorld()
    return RealWorld(request.getfixturevalue("pool"), request.getfixturevalue("firestore"))


def _database(server: str) -> Iterator[str]:
    name = f"contract_{uuid.uuid4().hex[:12]}"
    connection = plain(server)(10)
    connection.simple(f"create database {name}")
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    connection.deadline = time.monotonic() + 30
    connection.simple(f"drop database {name} with (force)")
    connection.close()
