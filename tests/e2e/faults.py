"""Servers that a test has started itself, to stop, kill and freeze them; and people who write all the while."""

import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from common.storage.postgres.connect import plain
from common.storage.postgres.migrate import migrate
from scripts.local import emulators, postgres
from scripts.local.layout import Layout
from scripts.local.parts import Parts
from scripts.local.ports import free_port
from scripts.local.processes import Child, Processes
from scripts.local.stack import Backing, Suite, rules, start_suite
from tests.e2e.device import Device, Service

PROJECT = DATABASE = "demo-lost"
OK, RETRIED = 200, {503, 504}
PATIENCE = 40.0
"""Seconds until a service that does not come back is given up."""
PAUSE = 0.2
"""Between two messages of one person: under the rate that an account may send at."""


def until(done: Callable[[], bool], what: str) -> float:
    """Wait; the seconds that it took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < PATIENCE, what
        time.sleep(0.02)
    return time.monotonic() - began


def family(leader: int) -> list[int]:
    """A process and its children, which are in process groups of their own where PostgreSQL's are meant."""
    found = [leader]
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if folder.name.isdigit():
                after_the_name = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(after_the_name[1]) == leader and after_the_name[0] != "Z":
                    found.append(int(folder.name))
    return found


@dataclass(slots=True)
class Server:
    """A part of the stack that is this test's own."""

    processes: Processes
    begin: Callable[[], Child]
    child: Child

    def stop(self) -> None:
        self.processes.stop(self.child)

    def start(self) -> None:
        self.child = self.begin()

    def kill(self) -> None:
        """SIGKILL, and wait for the children to notice."""
        all_of_it = family(self.child.process.pid)
        self.child.process.kill()
        self.processes.stop(self.child)
        until(lambda: not any(Path(f"/proc/{one}").exists() for one in all_of_it), "its children end")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        all_of_it = family(self.child.process.pid)
        for one in all_of_it:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in all_of_it:
                os.kill(one, signal.SIGCONT)


@dataclass(slots=True)
class Deployment:
    """A service whose databases are nobody else's."""

    layout: Layout
    data: Path
    backing: Backing
    postgres: Server
    firestore: Server
    suite: Suite

    def service(self) -> Service:
        return Service.of(self.suite, self.backing)

    def load_rules(self) -> None:
        self.backing.firestore.load_rules(PROJECT, rules(self.layout))

    def held(self) -> tuple[int, int, int]:
        """The service's threads, its open files and sockets, and its connections at PostgreSQL."""
        of_it = Path(f"/proc/{self.suite.child.process.pid}")
        connection = self.backing.postgres.connect()
        ((connections,),) = connection.run(
            "select count(*) from pg_stat_activity where datname = :name", name=DATABASE
        )
        connection.close()
        return len(list((of_it / "task").iterdir())), len(list((of_it / "fd").iterdir())), connections


def deploy(processes: Processes, layout: Layout, shared: Backing, parts: Parts, data: Path) -> Deployment:
    """A PostgreSQL whose commits are flushed, a Firestore emulator and a service. Users and mails are the others'."""
    ports = replace(
        shared.ports, postgres=free_port(), firestore=free_port(), firestore_websocket=free_port()
    )
    backing = replace(shared, ports=ports)

    def a_postgres() -> Child:
        postgres.start(processes, parts.postgres, data=data / "postgres", port=ports.postgres, lasting=True)
        return newest(processes, "PostgreSQL")

    def a_firestore() -> Child:
        emulators.start_firestore(
            processes,
            java=parts.java,
            jar=parts.firestore_jar,
            port=ports.firestore,
            websocket_port=ports.firestore_websocket,
            triggers_port=ports.service,
            project=PROJECT,
            rules=rules(layout),
        )
        return newest(processes, "Firestore emulator")

    def a_service() -> Suite:
        return start_suite(processes, layout, backing, project=PROJECT, database=DATABASE, port=free_port())

    with ThreadPoolExecutor(max_workers=3) as pool:
        documents, relations, suite = (
            pool.submit(a_firestore),
            pool.submit(a_postgres),
            pool.submit(a_service),
        )
        database = Server(processes, a_postgres, relations.result())
        backing.postgres.create(DATABASE)
        migrate(plain(backing.postgres.dsn(DATABASE)))
        firestore = Server(processes, a_firestore, documents.result())
    made = Deployment(layout, data, backing, database, firestore, suite.result())
    made.load_rules()
    return made


def newest(processes: Processes, name: str) -> Child:
    return next(child for child in reversed(processes._children) if child.name == name)


@dataclass(slots=True)
class Writers:
    """People who write, each repeating the same bytes until they are acknowledged, as a client does."""

    service: Service
    people: list[Device]
    peer: Device
    conversations: list[str]
    acknowledged: dict[str, tuple[int, str]] = field(default_factory=dict)
    """message id -> (whose, sent_at)"""
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    going: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def writing(self) -> Iterator["Writers"]:
        """Everybody writes, and one of them renews the session besides, until the end of the block."""
        self.statuses.clear()
        self.slowest = 0.0
        self.ended.clear()
        self.going.set()
        with ThreadPoolExecutor(max_workers=len(self.people) + 1) as pool:
            jobs = [pool.submit(self._write, number) for number in range(len(self.people))]
            jobs.append(pool.submit(self._renew))
            try:
                yield self
            finally:
                self.ended.set()
                self.going.set()
            for job in jobs:
                job.result()

    def send_at_once(self, number: int) -> list[tuple[str, httpx.Response]]:
        """So many messages of the first writer: each one's id and answer."""
        bodies = [self.people[0].message(self.conversations[0], self.peer) for _ in range(number)]
        with ThreadPoolExecutor(max_workers=number) as pool:
            answers = pool.map(self.people[0].send, bodies)
            return [(body["message_id"], answer) for body, answer in zip(bodies, answers, strict=True)]

    def look_at_once(self, number: int) -> None:
        """So many calls that ask by pg8000."""
        person = self.people[0]
        body = {"accounts": [{"address": None, "uid": person.uid, "known_seq": -1}], "conversations": []}
        with ThreadPoolExecutor(max_workers=number) as pool:
            for _ in range(number):
                pool.submit(self.service.call, "find_keys", body, bearer=person.token)

    def wait_for_more(self) -> float:
        """Wait until everybody has been acknowledged something from now on; the seconds that it took."""
        before = set(self.acknowledged)

        def all_of_them() -> bool:
            news = [whose for one, (whose, _) in list(self.acknowledged.items()) if one not in before]
            return set(news) == set(range(len(self.people)))

        return until(all_of_them, "everybody is acknowledged a message again")

    def lost(self) -> dict[str, tuple[int, str]]:
        """What was acknowledged, and is not stored as it was."""
        stored = [self.service.messages(conversation) for conversation in self.conversations]
        return {
            one: (whose, sent_at)
            for one, (whose, sent_at) in self.acknowledged.items()
            if stored[whose].get(one, ("", ""))[0] != sent_at
        }

    def _write(self, number: int) -> None:
        person = self.people[number]
        while not self.ended.is_set():
            self.going.wait()
            body = person.message(self.conversations[number], self.peer)
            answer = self._until_answered(lambda body=body: person.send(body))  # type: ignore[misc]
            if answer is not None:
                assert answer.status_code == OK, answer.text
                self.acknowledged[body["message_id"]] = number, answer.json()["sent_at"]
            time.sleep(PAUSE)

    def _renew(self) -> None:
        while not self.ended.is_set():
            self.going.wait()
            body = self.peer.renewal()
            answer = self._until_answered(lambda body=body: self.peer.refresh(body))  # type: ignore[misc]
            if answer is not None:
                self.peer.keep(answer)
            time.sleep(PAUSE)

    def _until_answered(self, call: Callable[[], httpx.Response]) -> httpx.Response | None:
        """The first answer that is neither 503 nor 504; None if there was none until the end."""
        for _ in itertools.count():
            began = time.monotonic()
            answer = call()
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.statuses[answer.status_code] += 1
            if answer.status_code not in RETRIED:
                return answer
            if self.ended.is_set():
                return None
            time.sleep(PAUSE)
        raise AssertionError


def gather(service: Service, number: int) -> Writers:
    people = [Device(service).enter() for _ in range(number + 1)]
    *writers, peer = people
    return Writers(service, writers, peer, [writer.converse(peer) for writer in writers])
