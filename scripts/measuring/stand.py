"""The stand on which everything is measured: a stack of its own, warm, and the processes that are compared on it."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from common.suite.manifest import Manifest
from scripts.local.layout import Layout
from scripts.local.ports import HOST, free_port
from scripts.local.processes import Child, Processes, wait_until
from scripts.local.say import Progress
from scripts.local.stack import (
    DATABASE,
    PROJECT,
    Backing,
    Suite,
    start_suite,
    suite_environment,
)
from scripts.local.tools import environment, run
from scripts.local.web import call
from scripts.measuring import usage
from scripts.measuring.load import requests
from scripts.measuring.load.plan import Plan
from scripts.measuring.load.timing import BEGIN, END
from scripts.measuring.population import Population, Senders
from scripts.measuring.results import Figures
from scripts.measuring.settings import Settings

APPS = Path(__file__).parent / "apps"

_BACKENDS = ("Firestore emulator", "PostgreSQL")


@dataclass(frozen=True, slots=True)
class Served:
    """A process that answers on a port of the loopback."""

    child: Child
    port: int


@dataclass(frozen=True)
class Stand:
    layout: Layout
    processes: Processes
    progress: Progress
    backing: Backing
    settings: Settings
    peers: frozenset[str] = frozenset()
    """Other servers that are there to be compared with."""

    @property
    def data(self) -> Path:
        return self.backing.data

    @property
    def url(self) -> str:
        """What all processes take for the service's own URL: the tokens name it, wherever they are sent."""
        return f"http://{HOST}:{self.backing.ports.service}"

    @cached_property
    def manifest(self) -> Manifest:
        return Manifest.read(self.layout.root)

    @property
    def staging(self) -> Path:
        """Every function as it is uploaded, and compiled as a deployment compiles it."""
        return self.data / "staging"

    def senders(self, population: Population) -> Senders:
        keys = self.backing.keys
        return Senders(population, keys.verification_keys, keys.signing_keys, self.url)

    def environment(self, database: str = DATABASE, **more: str) -> dict[str, str]:
        """The settings of one deployed function, whose own code alone can be imported."""
        whole = suite_environment(
            self.layout, self.backing, project=PROJECT, dsn=self.backing.postgres.dsn(database), url=self.url
        )
        return {name: value for name, value in whole.items() if name != "PYTHONPATH"} | more

    def function_environment(self, name: str, database: str = DATABASE) -> dict[str, str]:
        (function,) = (one for one in self.manifest.functions if one.name == name)
        return self.environment(database, **function.environment, POOL=str(self._pool(name)))

    def start(self, name: str, source: Path, target: str, env: Mapping[str, str]) -> Served:
        """A function under functions-framework, as Cloud Run starts it with one worker, and its port listening."""
        port = free_port()
        child = self.processes.start(
            name,
            [
                *(self.layout.python, "-I", "-m", "functions_framework"),
                *("--target", target, "--source", source, "--host", HOST, "--port", str(port)),
            ],
            env=env,
            cwd=source.parent,
        )
        return Served(child, port)

    @contextmanager
    def function(self, name: str, database: str = DATABASE, label: str = "") -> Iterator[Served]:
        """A function of ours, staged, and healthy."""
        served = self.start(
            label or f"Function {name}",
            self.staging / name / "main.py",
            name,
            self.function_environment(name, database),
        )
        try:
            wait_until(lambda: _lives(served.port), served.child, seconds=60)
            yield served
        finally:
            self.processes.stop(served.child)

    @contextmanager
    def app(self, name: str, **env: str) -> Iterator[Served]:
        """One of the functions in apps/, which is compared with ours."""
        served = self.start(f"App {name}", APPS / name / "main.py", name, self.environment(**env))
        try:
            wait_until(lambda: _listens(served.port), served.child, seconds=60)
            yield served
        finally:
            self.processes.stop(served.child)

    @contextmanager
    def suite(self, database: str = DATABASE, **env: str) -> Iterator[Suite]:
        """The suite server. Nobody tells it of Firestore's events: where they matter, they are measured alone."""
        suite = start_suite(
            self.processes,
            self.layout,
            self.backing,
            database=database,
            port=self.backing.ports.service,
            settings=env,
        )
        try:
            yield suite
        finally:
            self.processes.stop(suite.child)

    def load(
        self,
        generator: str,
        plan: Plan,
        watched: Mapping[str, Child],
        env: Mapping[str, str] | None = None,
    ) -> Figures:
        """Run a generator of load/ and look at what the watched processes and the backends use meanwhile.

        CPU is in ms for each answer (`worker_cpu_ms`), memory in MiB at the end, still under load (`worker_mib`).
        """
        file = self.data / "plan.json"
        plan.write(file)
        leaders = {name: child.process.pid for name, child in watched.items()}
        leaders |= {_short(name): self.processes.named(name).process.pid for name in _BACKENDS}
        cpu: dict[str, dict[str, float]] = {}
        memory: dict[str, float] = {}

        def look(line: str) -> None:
            if line.strip() in {BEGIN, END}:
                cpu[line.strip()] = {name: usage.cpu_of(pid) for name, pid in leaders.items()}
            if line.strip() == END:
                memory.update({name: usage.memory_of(pid) for name, pid in leaders.items()})

        env = environment(**env) if env else environment()
        env["PYTHONPATH"] = str(self.layout.root)
        said = run(
            [self.layout.python, "-P", "-m", f"scripts.measuring.load.{generator}", file],
            env=env,
            cwd=self.layout.root,
            on_line=look,
            cure="",
        )
        told = json.loads(said.splitlines()[-1])
        figures: Figures = told["figures"]
        if figures["errors"] or not figures["count"]:
            listed = "\n".join(f"    {sample}" for sample in told["samples"])
            self.progress.line(
                f"    {figures['count']:.0f} answers and {figures['errors']:.0f} errors, the first of which are:\n{listed}"
            )
        for name in leaders:
            used = cpu[END][name] - cpu[BEGIN][name]
            figures[f"{name}_cpu_ms"] = used * 1000 / max(1, figures["count"])
            figures[f"{name}_mib"] = memory[name]
        return figures

    def plan(self, clients: int, requests_file: Path, port: int = 0, seconds: float = 0) -> Plan:
        return Plan(
            clients=clients,
            seconds=seconds or self.settings.seconds,
            warm_up=self.settings.warm_up,
            requests=str(requests_file),
            port=port,
        )

    def keep(self, name: str, rendered: list[requests.Request]) -> Path:
        """Write requests where a generator finds them."""
        path = self.data / f"{name}.requests.json"
        requests.write(path, rendered)
        return path

    def clear(self) -> None:
        """Forget the documents, which the emulator holds in its memory."""
        self.backing.firestore.clear(PROJECT)

    def _pool(self, name: str) -> int:
        raw = yaml.safe_load((self.layout.root / "functions.yaml").read_text(encoding="utf-8"))
        return int(raw["functions"][name].get("pool", raw["defaults"]["pool"]))


def _short(name: str) -> str:
    return name.partition(" ")[0].lower()


def _lives(port: int) -> bool:
    """Whether /health is answered. A function that only Firestore calls refuses a GET, which says it too."""
    try:
        status = call("GET", f"http://{HOST}:{port}/health", timeout=5).status
    except (OSError, http.client.HTTPException):
        return False
    return status in {http.client.OK, http.client.METHOD_NOT_ALLOWED}


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
