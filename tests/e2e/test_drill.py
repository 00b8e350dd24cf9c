"""A drill: what was acknowledged comes back whole, and people go on with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scripts.local.layout import Layout
from scripts.local.people import Person
from scripts.local.processes import Processes
from scripts.local.say import Progress
from scripts.local.serving import Serving
from scripts.local.stack import Backing, Suite, register_triggers, start_suite
from scripts.local.testbed import start_test_suite
from scripts.restoring.restore import Place
from sealpost.receiving import Message
from tests.conftest import enter_as
from tests.drill.__main__ import TRUSTING, Drill


@dataclass
class World:
    drill: Drill
    processes: Processes
    layout: Layout
    home: Path

    @property
    def backing(self) -> Backing:
        return self.drill.place.backing

    @property
    def suite(self) -> Suite:
        return self.drill.suite

    def enter(self, name: str) -> Person:
        return enter_as(name, self.suite, self.backing, self.home)

    def serve(self, pair: Serving) -> None:
        """The same service, on the restored databases."""
        port = urlsplit(self.suite.url).port
        assert port
        start_suite(
            self.processes,
            self.layout,
            self.backing,
            project=self.suite.project,
            database=pair.relations,
            documents=pair.documents,
            port=port,
            settings=TRUSTING,
        )
        register_triggers(self.layout, self.backing.firestore, self.suite.project, pair.documents)


@pytest.fixture
def world(
    layout: Layout, worker: str, processes: Processes, backing: Backing, tmp_path: Path
) -> Iterator[World]:
    suite = start_test_suite(processes, layout, backing, f"drill-{worker}", settings=TRUSTING)
    place = Place(layout=layout, backing=backing, project=suite.project)
    drill = Drill(place, suite, lambda: processes.stop(suite.child), Progress())
    yield World(drill, processes, layout, tmp_path)
    for pair in (drill.living, *drill.made):
        backing.postgres.drop(pair.relations)
        backing.firestore.clear(suite.project, pair.documents)


def test_a_restore_differs_in_nothing_from_what_was_acknowledged(world: World) -> None:
    world.drill.run(accounts=50, messages=500)
    assert world.drill.acknowledged == 500
    assert world.drill.while_it_ran > 0


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_large_restore_differs_in_nothing_either(world: World) -> None:
    world.drill.run(accounts=2_000, messages=20_000, megabytes=100)
    assert world.drill.acknowledged == 20_000


def test_who_was_there_before_writes_and_reads_again(world: World) -> None:
    alice, bob = world.enter("alice"), world.enter("bob")
    try:
        alice.send(bob.address, "before")
        assert read(bob) == ["before"]
        pair = world.drill.run(
            accounts=3, messages=10, meanwhile=lambda: (alice.send(bob.address, "lost"), read(bob))
        )
        world.serve(pair)

        assert read(bob) == []  # his device comes back, and has its keys published
        alice.send(bob.address, "after")
        assert read(bob) == ["after"]
        bob.send(alice.address, "and back")
        assert read(alice) == ["and back"]
    finally:
        alice.close()
        bob.close()


def read(person: Person) -> list[str]:
    """The texts of new messages. Anything else, an alarm too, fails the test."""
    items = person.do(lambda account: account.inbox())
    assert all(isinstance(item, Message) for item in items), items
    return [item.text for item in items if isinstance(item, Message)]
