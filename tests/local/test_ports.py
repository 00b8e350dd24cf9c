import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from scripts.local.ports import HOST, Ports, free_port, is_free, wanted

FIREBASE = {
    "emulators": {
        "functions": {"port": 8470},
        "firestore": {"port": 8471, "websocketPort": 8472},
        "auth": {"port": 8473},
    }
}


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_taken(taken: int) -> None:
    assert not is_free(taken)
    assert is_free(free_port())


def test_wanted_ports_are_taken_where_they_are_free(taken: int) -> None:
    free = free_port()
    ports = Ports.preferring({"service": free, "auth": taken})
    assert ports.service == free
    assert ports.auth != taken
    assert len(set(asdict(ports).values())) == len(asdict(ports))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port is taken when somebody listens on it")
def test_what_another_run_has_chosen_is_taken_before_it_listens() -> None:
    preferred = {"service": free_port()}
    choose = f"from scripts.local.ports import Ports; print(Ports.preferring({preferred}).service, flush=True); input()"
    other = subprocess.Popen(  # noqa: S603 - this Python
        [sys.executable, "-c", choose], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout
        assert int(other.stdout.readline()) == preferred["service"]
        assert is_free(preferred["service"])
        assert Ports.preferring(preferred).service != preferred["service"]
        other.communicate("\n")
    assert Ports.preferring(preferred).service == preferred["service"]


def test_the_first_run_takes_those_of_firebase_json_and_later_ones_those_of_the_last(tmp_path: Path) -> None:
    firebase, kept = tmp_path / "firebase.json", tmp_path / "ports.json"
    firebase.write_text(json.dumps(FIREBASE))
    assert wanted(firebase, kept) == {
        "service": 8470,
        "firestore": 8471,
        "firestore_websocket": 8472,
        "auth": 8473,
        "postgres": 8480,
        "smtp": 8481,
        "mailbox": 8482,
    }
    ports = Ports.free()
    ports.keep(kept)
    assert wanted(firebase, kept) == asdict(ports)
