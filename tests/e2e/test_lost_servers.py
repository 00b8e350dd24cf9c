"""PostgreSQL and Firestore are restarted, killed and frozen under people who write.

The service comes back by itself, answers in time meanwhile, loses nothing that it acknowledged, and keeps nothing open.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from scripts.local import parts
from scripts.local.layout import Layout
from scripts.local.processes import Processes
from scripts.local.stack import Backing
from tests.e2e.device import problem
from tests.e2e.faults import OK, PROJECT, Deployment, Writers, deploy, gather, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="finds PostgreSQL's children in /proc"),
    pytest.mark.early,
]

DEADLINE = 15.0
"""Seconds that a call may take (common/http/edge.py)."""
SOON = 5.0
"""Seconds after which a service must be of use again once its servers are."""

POOLS = 2 * 4
"""Connections that the service may have: POOL (common/settings.py) for single statements, and as many for the rest."""

SPARE = 2
"""Threads or files that a library may take up or let go of when it connects again. A leak has as many as there were calls."""


@dataclass(frozen=True)
class World:
    deployment: Deployment
    writers: Writers
    held: tuple[int, int, int]


@pytest.fixture(scope="module")
def world(
    layout: Layout, worker: str, backing: Backing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    data = tmp_path_factory.mktemp("lost")
    (data / "logs").mkdir()
    processes = Processes(data / "logs")
    try:
        deployment = deploy(processes, layout, backing, parts.find(layout), data)
        writers = gather(deployment.service(), 2)
        until(lambda: fill(deployment, writers), "all connections of both pools are open")
        with writers.writing():
            writers.wait_for_more()
        yield World(deployment, writers, held(deployment, writers))
    finally:
        processes.close()


def fill(deployment: Deployment, writers: Writers) -> bool:
    """Have the service open as many connections as it may. How many it needs depends on the machine and its load."""
    writers.send_at_once(16)
    writers.look_at_once(16)
    return deployment.held()[2] == POOLS


def held(deployment: Deployment, writers: Writers) -> tuple[int, int, int]:
    """What the service holds when nobody calls it."""
    writers.service.hang_up()
    time.sleep(0.3)
    return deployment.held()


def require_intact(world: World) -> None:
    """Nothing lost, nothing late, nothing left open; and the renewed session is the one that the service knows."""
    writers = world.writers
    assert writers.statuses.keys() <= {OK, 503, 504}
    assert writers.slowest < DEADLINE + 2
    assert writers.lost() == {}
    writers.peer.keep(writers.peer.refresh())
    threads, files, connections = held(world.deployment, writers)
    most_threads, most_files, most_connections = world.held
    assert threads <= most_threads + SPARE
    assert files <= most_files + SPARE
    assert connections <= most_connections


def test_postgres_is_restarted(world: World) -> None:
    with world.writers.writing() as writers:
        writers.wait_for_more()
        world.deployment.postgres.stop()
        time.sleep(0.5)
        world.deployment.postgres.start()
        assert writers.wait_for_more() < SOON
    assert writers.statuses[503] > 0
    require_intact(world)


def test_postgres_is_killed(world: World) -> None:
    with world.writers.writing() as writers:
        writers.wait_for_more()
        world.deployment.postgres.kill()
        world.deployment.postgres.start()
        assert writers.wait_for_more() < SOON
    require_intact(world)


def test_postgres_stops_for_a_moment(world: World) -> None:
    with world.writers.writing() as writers:
        writers.wait_for_more()
        with world.deployment.postgres.frozen():
            time.sleep(2)
        assert writers.wait_for_more() < SOON
    assert set(writers.statuses) == {OK}, "calls wait while they have time"
    assert writers.slowest > 1.5
    require_intact(world)


def test_firestore_is_restarted(world: World) -> None:
    """The emulator keeps its documents in memory alone: they are carried over, and nobody is acknowledged in between."""
    deployment, writers = world.deployment, world.writers
    firestore = deployment.backing.firestore
    with writers.writing():
        writers.wait_for_more()
    firestore.export(PROJECT, deployment.data / "export")
    deployment.firestore.kill()
    before = len(writers.acknowledged)
    with writers.writing():
        time.sleep(1)
        assert len(writers.acknowledged) == before
        deployment.firestore.start()
        firestore.import_(PROJECT, deployment.data / "export")
        deployment.load_rules()
        assert writers.wait_for_more() < SOON
    assert writers.statuses[503] > 0
    require_intact(world)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", ["postgres", "firestore"])
def test_a_server_that_freezes_for_good_holds_no_call_longer_than_its_deadline(
    world: World, part: str
) -> None:
    deployment, writers = world.deployment, world.writers
    server = deployment.postgres if part == "postgres" else deployment.firestore
    with writers.writing():
        writers.wait_for_more()
        with server.frozen():
            time.sleep(2 * DEADLINE)
        assert writers.wait_for_more() < SOON
    assert writers.statuses[504] > 0
    require_intact(world)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", ["postgres", "firestore"])
def test_a_server_that_was_gone_for_longer_is_found_again_at_once(world: World, part: str) -> None:
    deployment, writers = world.deployment, world.writers
    server = deployment.postgres if part == "postgres" else deployment.firestore
    deployment.backing.firestore.export(PROJECT, deployment.data / "export")
    server.stop()
    with writers.writing():
        time.sleep(75)
        server.start()
        if part == "firestore":
            deployment.backing.firestore.import_(PROJECT, deployment.data / "export")
            deployment.load_rules()
        assert writers.wait_for_more() < SOON
    assert set(writers.statuses) <= {OK, 503}, "who cannot be reached is no reason to wait"
    require_intact(world)


def test_the_rest_goes_on_while_postgres_is_gone(world: World) -> None:
    """What needs no database answers, and what needs one says so at once, however many ask."""
    deployment, service = world.deployment, world.deployment.service()
    writers = world.writers
    deployment.postgres.stop()
    deployment.postgres.start()
    unnoticed = [answer.status_code for _, answer in writers.send_at_once(8)]
    assert unnoticed == [OK] * 8, (
        "connections that broke while nobody used them are replaced before anybody knows"
    )
    deployment.postgres.stop()
    try:
        assert service.http.get(f"{service.url}/v1/jwks").status_code == OK
        assert service.http.get(f"{service.url}/v1/open_link").status_code == OK
        assert service.http.get(f"{service.url}/health").status_code == OK
        began = time.monotonic()
        sent = writers.send_at_once(32)
        assert {problem(answer) for _, answer in sent} == {(503, "unavailable")}
        assert {answer.headers["retry-after"] for _, answer in sent} == {"1"}
        assert time.monotonic() - began < SOON
    finally:
        deployment.postgres.start()
        service.hang_up()
    stored = writers.service.messages(writers.conversations[0])
    assert not {name for name, _ in sent} & stored.keys(), "what was refused is not stored"
    require_intact(world)
