"""Three people with seven devices, in any order, on the real suite: every device reads exactly what the model says."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from scripts.local.stack import Backing, Suite
from tests.e2e.device import Service
from tests.e2e.people_devices import Real, known_primes
from tests.e2e.people_machine import WEIGHTS, Machine, Play
from tests.e2e.people_model import Model
from tests.e2e.people_planted import IN_CLIENT, IN_SERVICE, Plant, Trigger
from tests.e2e.people_state import Facts
from tests.e2e.people_tour import TOUR

pytestmark = pytest.mark.early

PLANTED = 40
"""Examples in which a skipped rule has to be found."""
COMPOSED = {"link", "miss", "guess"}
"""Acts that are some of the others, one after the other."""
ENDS = {
    "accept": ("ok", "usage"),
    "approve": ("ok", "mistyped", "not-found", "unauthenticated", "usage", "wrong-secret"),
    "ask": ("asked", "link-pending", "linked"),
    "look": ("ok", "wish"),
    "notice": ("gap", "removed-device"),
    "problem": ("chain-conflict", "device-mismatch", "link-pending", "reset-delayed"),
    "read": (
        "text",
        "change added",
        "change removed",
        "change reset",
        "refused not-for-me",
        "refused revoked-device",
        "device-not-active",
        "unauthenticated",
        "not-signed-in",
    ),
    "reset": ("ok", "forbidden", "reset-delayed", "usage"),
    "revoke": ("ok", "unauthenticated", "usage"),
    "send": (
        "sent",
        "sent to the verified",
        "sent to the renewed",
        "device-not-active",
        "key-change",
        "no-active-device",
        "unauthenticated",
        "not-signed-in",
    ),
    "sign_in": ("ok", "device-not-active"),
    "verify": ("ok",),
    "veto": ("ok",),
    "approve while": ("approve", "reset", "revoke"),
    "reset while": ("approve", "reset", "revoke", "veto"),
    "revoke while": ("approve", "reset", "revoke", "send"),
    "send while": ("approve", "renew_key", "reset", "revoke"),
}
"""How the acts end, and what is met on the way. What only a service that lies brings about is in tampering_cases.py."""


@dataclass(slots=True)
class People:
    """Plays on this worker's suite; `met` counts what happened."""

    new_play: Callable[[Counter[str]], Play]
    met: Counter[str]

    def tour(self) -> None:
        play = self.new_play(self.met)
        try:
            for line in TOUR.strip().splitlines():
                words, _, meanwhile = line.partition("|")
                play.do(*words.split(), crossing=tuple(meanwhile.split()))
            play.end()
        finally:
            play.real.close()

    def at_random(self, examples: int, steps: int, number: int) -> None:
        made = {"new_play": staticmethod(partial(self.new_play, self.met))}
        run_state_machine_as_test(
            seed(number)(type("People", (Machine,), made)),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                print_blob=False,
                report_multiple_bugs=False,
            ),
        )

    def find(self, number: int) -> str:
        """What goes wrong: on the tour, else by chance."""
        for play in (self.tour, lambda: self.at_random(PLANTED, 40, number)):
            try:
                play()
            except Exception as error:  # noqa: BLE001 - whatever a skipped rule brings about
                return repr(error)
        return ""

    def missing(self) -> set[str]:
        """What was to be met and was not."""
        ends = {f"{act}: {end}" for act, possible in ENDS.items() for end in possible}
        return (ends | (WEIGHTS.keys() - COMPOSED)) - self.met.keys()


@pytest.fixture
def people(
    suite: Suite, backing: Backing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[People]:
    monkeypatch.setattr("sealpost.protocol.jose.generate", known_primes)
    monkeypatch.setattr("sealpost.database._SYNCHRONOUS", "off")  # no test pulls the plug
    sql, wire = backing.postgres.connect(suite.database), httpx.HTTPTransport()

    def new_play(met: Counter[str]) -> Play:
        facts = Facts()
        home = tmp_path / secrets.token_hex(4)
        return Play(Real(suite, Service.of(suite, backing), sql, wire, home, facts, met), Model(facts), met)

    yield People(new_play, Counter())
    sql.close()
    wire.close()


@pytest.fixture
def number(request: pytest.FixtureRequest) -> int:
    """The seed of scripts/test, which prints it; of pytest alone, a new one."""
    given = request.config.getoption("randomly_seed", default=None)
    chosen = given if isinstance(given, int) else secrets.randbelow(2**32)
    print(f"Again with: --randomly-seed={chosen}")  # noqa: T201 - pytest shows it with a failure
    return chosen


def test_a_tour_meets_every_act_and_every_end(people: People) -> None:
    people.tour()
    assert people.missing() == set()


def test_every_device_reads_what_the_model_says(people: People, number: int) -> None:
    people.at_random(10, 25, number)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_at_length_every_device_reads_what_the_model_says(people: People, number: int) -> None:
    """Some crossings are too rare for chance: these come with the tour."""
    people.at_random(100, 40, number)
    people.tour()
    assert people.missing() == set()


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", IN_CLIENT, ids=str)
def test_a_client_that_skips_a_rule_is_found(people: People, number: int, plant: Plant) -> None:
    with plant.planted():
        found = people.find(number)
    assert found, f"{plant} makes no difference"


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", IN_SERVICE, ids=str)
def test_a_service_that_skips_a_rule_is_found(
    people: People, number: int, plant: Trigger, suite: Suite, backing: Backing
) -> None:
    connection = backing.postgres.connect(suite.database)
    with plant.planted(connection):
        found = people.find(number)
    connection.close()
    assert found, f"{plant} makes no difference"
