import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealpost import commands
from sealpost.account import Account
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.state import State, StateFile
from tests.client.fakes import CHEAP, PASSPHRASE, World, texts

_KEYS = Path(__file__).parents[1] / "vectors" / "keys.json"


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    for name in (
        "SEALPOST_HOME",
        "SEALPOST_PASSPHRASE_FILE",
        "SEALPOST_ALLOW_HTTP",
        "SEALPOST_DEBUG",
        "XDG_RUNTIME_DIR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sealpost.passphrase._TERMINAL", "/nowhere")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr("sealpost.database._SYNCHRONOUS", "off")  # no test pulls the plug


@pytest.fixture(scope="session")
def key_pool() -> list[dict[str, str]]:
    """Keys made once: RSA-3072 takes a tenth of a second each, and no test here is about making them."""
    made = json.loads(_KEYS.read_text(encoding="utf-8"))["keys"]
    return [pair["private"] for pair in made.values()]


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch, key_pool: list[dict[str, str]]) -> None:
    """Each key that a test makes is taken from the pool, which grows to the most that one test needs of a kind."""
    taken: set[str] = set()
    generate = PrivateKey.generate

    def from_pool(use: Use) -> PrivateKey:
        for jwk in key_pool:
            if jwk["use"] == use.value and jwk["kid"] not in taken:
                break
        else:
            jwk = generate(use).to_json()
            key_pool.append(jwk)
        taken.add(jwk["kid"])
        return PrivateKey.parse(jwk)

    monkeypatch.setattr(PrivateKey, "generate", from_pool)


@pytest.fixture
def world(tmp_path: Path, quick_keys: None) -> World:
    return World(tmp_path / "home")


@pytest.fixture
def ada(world: World) -> Iterator[Account]:
    with world.person("ada") as account:
        yield account


@pytest.fixture
def bob(world: World) -> Iterator[Account]:
    with world.person("bob") as account:
        yield account


@pytest.fixture
def talking(ada: Account, bob: Account) -> None:
    """Ada has written to Bob: their conversation and chains are known on both sides."""
    ada.send("bob@example.org", "first")
    assert texts(bob) == ["first"]


@pytest.fixture
def cli(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """The command on the world in memory; --profile NAME is that person's."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(f"{PASSPHRASE}\n")
    monkeypatch.setenv("SEALPOST_HOME", str(world.home))
    monkeypatch.setenv("SEALPOST_PASSPHRASE_FILE", str(passphrase))
    monkeypatch.setattr(commands, "_AROUND", world.around("ada"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    return world


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "profile" / "state.sqlite", key_file=tmp_path / "runtime" / "half")


@pytest.fixture
def state(file: StateFile) -> State:
    return file.create(PASSPHRASE, cost=CHEAP)
