"""Which ports the parts listen on: firebase.json's and those kept from the last run where they are free, else free ones."""

import json
import secrets
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    service: int
    firestore: int
    firestore_websocket: int
    auth: int
    postgres: int
    smtp: int
    mailbox: int

    @classmethod
    def free(cls) -> Self:
        return cls.preferring({})

    @classmethod
    def preferring(cls, wanted: Mapping[str, int]) -> Self:
        """The wanted ports where they are free, others elsewhere."""
        taken: set[int] = set()
        chosen = {}
        for field in fields(cls):
            port = wanted.get(field.name, 0)
            if port == 0 or port in taken or not (is_free(port) and _claim(port)):
                port = free_port(taken)
            taken.add(port)
            chosen[field.name] = port
        return cls(**chosen)

    def keep(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="ascii")


def wanted(firebase: Path, kept: Path) -> dict[str, int]:
    """The ports of the last run, and for the first one those of firebase.json.

    A port stays with its data: the service's URL is in every token and in the state of every client.
    """
    if kept.is_file():
        return dict(json.loads(kept.read_text(encoding="ascii")))
    emulators = json.loads(firebase.read_text(encoding="utf-8"))["emulators"]
    service = emulators["functions"]["port"]
    return {
        "service": service,
        "firestore": emulators["firestore"]["port"],
        "firestore_websocket": emulators["firestore"]["websocketPort"],
        "auth": emulators["auth"]["port"],
        "postgres": service + 10,
        "smtp": service + 11,
        "mailbox": service + 12,
    }


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do themselves: connections that have just ended do not hold a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(taken: Iterable[int] = ()) -> int:
    """A free port below the range from which systems take the ports of outgoing connections."""
    avoid = set(taken)
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        if port not in avoid and is_free(port):
            return port


_CLAIMS: dict[int, socket.socket] = {}


def _claim(port: int) -> bool:
    """Whether no other process has chosen this port, on which it may be about to listen. Ours until this one ends.

    The sign is a name in Linux' abstract namespace of sockets, which leaves no file. Other systems have none.
    """
    if port in _CLAIMS or sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0sealpost-port-{port}")
    except OSError:
        claim.close()
        return False
    _CLAIMS[port] = claim
    return True
