import json
import socket
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
