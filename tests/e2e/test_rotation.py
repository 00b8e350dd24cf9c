"""Rotating the keys of access tokens while clients are busy, on several processes of one deployment."""

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import jwt
import pytest

from scripts.local import key_files
from scripts.local.layout import Layout
from scripts.local.ports import free_port
from scripts.local.processes import Processes
from scripts.local.stack import Backing, Suite, start_suite
from scripts.local.testbed import start_test_suite
from scripts.local.web import call
from tests.e2e.device import Device, Service, problem

OK = 200
CLIENTS = 8
KEPT = 4
"""So many of its tokens a client goes on using."""


@dataclass(slots=True)
class Deployment:
    """Processes of one service, on one set of key files of their own."""

    layout: Layout
    processes: Processes
    backing: Backing
    suites: list[Suite]
    services: list[Service]

    def add_process(self) -> Service:
        first = self.suites[0]
        suite = start_suite(
            self.processes,
            self.layout,
            self.backing,
            project=first.project,
            database=first.database,
            port=free_port(),
            settings={"SEALPOST_URL": first.url},
        )
        self.suites.append(suite)
        self.services.append(Service.of(suite, self.backing, identity=first.url))
        return self.services[-1]

    def rotate(self) -> bool:
        token = self.backing.keys.scheduler_token.read_text()
        answer = call("POST", f"{self.suites[0].url}/v1/rotate_signing_key", {}, bearer=token)
        assert answer.status == OK, answer.text
        return bool(answer.json["made"])

    def let_an_hour_pass(self) -> None:
        path = self.backing.keys.signing_keys
        ring = json.loads(path.read_text())
        path.write_text(json.dumps(ring | {"changed_at": ring["changed_at"] - 3_600}))

    def kids(self) -> tuple[list[str], list[str]]:
        """The names of the keys that sign (the current one, the next one), and of those that verify."""
        keys = self.backing.keys
        signing, verifying = (
            [jwk["kid"] for jwk in json.loads(path.read_text())["keys"]]
            for path in (keys.signing_keys, keys.verification_keys)
        )
        return signing, verifying


@pytest.fixture
def deployment(
    layout: Layout, processes: Processes, backing: Backing, tmp_path: Path
) -> Iterator[Deployment]:
    key_files.make(tmp_path / "secrets", smtp_url=f"smtp://127.0.0.1:{backing.ports.smtp}")
    own = replace(backing, data=tmp_path)
    suite = start_test_suite(processes, layout, own, "keys", triggers=False)
    made = Deployment(layout, processes, own, [suite], [Service.of(suite, own)])
    yield made
    for one in made.suites:
        processes.stop(one.child)


@dataclass(slots=True)
class Load:
    """Clients that refresh their sessions at one process or another, and use each of their tokens at all of them."""

    clients: list[Device]
    services: list[Service]
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)
    """(the key's name, the status) of each call."""
    pause: float = 0.0
    """Seconds between two turns of a client."""
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, client: Device) -> None:
        tokens = [client.token]
        for turn in itertools.count():
            if self.stop.wait(self.pause):
                return
            there = self.services[turn % len(self.services)]
            client = replace(client, service=there)
            client.keep(client.refresh())
            tokens = [*tokens[-KEPT:], client.token]
            for service, token in itertools.product(tuple(self.services), tokens):
                answer = service.call("find_keys", {"accounts": [], "conversations": []}, bearer=token)
                self.seen[jwt.get_unverified_header(token)["kid"], answer.status_code] += 1


def sessions(first: Device, number: int) -> list[Device]:
    """So many sessions of one device."""
    made = [first]
    while len(made) < number:
        device = replace(first, session={})
        device.sign_in(first.service.link_code(first.address))
        made.append(device)
    return made


def test_a_rotation_under_load_refuses_no_valid_token(deployment: Deployment) -> None:
    (service,) = deployment.services
    clients = sessions(Device(service).enter(), CLIENTS)
    before, _ = deployment.kids()
    assert not deployment.rotate(), "the keys are new"
    unasked = call("POST", f"{service.url}/v1/rotate_signing_key", {}, bearer="guess")
    assert unasked.status == 401

    load = Load(clients, [service])
    with ThreadPoolExecutor(max_workers=CLIENTS) as pool:
        running = [pool.submit(load.run, client) for client in clients]
        try:
            time.sleep(0.3)
            deployment.let_an_hour_pass()
            assert [deployment.rotate() for _ in range(3)] == [True, False, False]
            load.services.append(deployment.add_process())
            time.sleep(1)
        finally:
            load.stop.set()
        for one in running:
            one.result()

    after, verifying = deployment.kids()
    assert after[0] == before[1]
    assert verifying == [after[1], after[0], before[0]]
    assert {status for _, status in load.seen} == {OK}
    assert {kid for kid, _ in load.seen} == {before[0], after[0]}, "both keys signed"
    published = deployment.services[1].http.get(f"{deployment.services[1].url}/v1/jwks").json()["keys"]
    assert [jwk["kid"] for jwk in published] == verifying
    assert not any("d" in jwk for jwk in published)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_process_that_saw_no_restart_signs_with_the_new_key_within_a_minute(deployment: Deployment) -> None:
    (service,) = deployment.services
    clients = sessions(Device(service).enter(), CLIENTS)
    before, _ = deployment.kids()
    load = Load(clients, [service], pause=1)
    with ThreadPoolExecutor(max_workers=CLIENTS) as pool:
        running = [pool.submit(load.run, client) for client in clients]
        try:
            for _ in range(2):
                deployment.let_an_hour_pass()
                assert deployment.rotate()
                time.sleep(62)
        finally:
            load.stop.set()
        for one in running:
            one.result()
    after, _ = deployment.kids()
    assert {status for _, status in load.seen} == {OK}
    assert {kid for kid, _ in load.seen} == {*before, after[0]}


@pytest.mark.long
def test_what_no_ring_holds_any_more_is_refused(deployment: Deployment) -> None:
    """That the load would notice: a process that has never seen the key refuses its tokens."""
    (service,) = deployment.services
    device = Device(service).enter()
    for _ in range(2):
        deployment.let_an_hour_pass()
        assert deployment.rotate()
    elsewhere = deployment.add_process()
    answer = elsewhere.call("find_keys", {"accounts": [], "conversations": []}, bearer=device.token)
    assert problem(answer) == (401, "unauthenticated")
