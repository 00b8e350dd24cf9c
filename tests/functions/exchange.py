"""HTTP/1.1 over a bare socket, so that a test sends what no client would, and reads what really came back."""

import json
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from scripts.local.ports import HOST

PATIENCE = 30.0
"""Seconds until an answer that does not come is given up."""

_NEVER_MIND = struct.pack("ii", 1, 0)
"""SO_LINGER: a close that says nothing but reset."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it will be written. Content-Length follows from the body unless `headers` names one."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def with_headers(self, more: Mapping[str, str]) -> Self:
        return replace(self, headers={**self.headers, **more})

    def with_body(self, body: bytes) -> Self:
        return replace(self, body=body)

    def with_json(self, value: Any) -> Self:
        return replace(self, body=json.dumps(value).encode())

    @property
    def json(self) -> dict[str, Any]:
        """The members of the body."""
        members: dict[str, Any] = json.loads(self.body or b"{}")
        return members

    def changed(self, **members: Any) -> Self:
        """The same call with other members in its body."""
        return self.with_json(self.json | members)

    @property
    def head(self) -> bytes:
        headers = {"Host": HOST, "Connection": "close", **self.headers}
        names = {name.lower() for name in headers}
        if self.body is not None and not names & {"content-length", "transfer-encoding"}:
            headers["Content-Length"] = str(len(self.body))
        fields = (f"{name}: {value}" for name, value in headers.items())
        return "\r\n".join([f"{self.method} {self.path} HTTP/1.1", *fields, "", ""]).encode("latin-1")

    def __bytes__(self) -> bytes:
        return self.head + (self.body or b"")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.body)
        return members

    @classmethod
    def read(cls, raw: bytes) -> Self:
        head, _, body = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(_chunks(body))
        return cls(int(status.split(" ")[1]), headers, body)


class Connection:
    """One connection to a server on loopback, good for one answer."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> Answer:
        """What the server says until it closes.

        Raises:
            ConnectionResetError, TimeoutError: it says nothing.
        """
        raw = bytearray()
        while True:
            try:
                data = self._socket.recv(65_536)
            except ConnectionResetError:
                if b"\r\n\r\n" not in raw:
                    raise
                data = b""
            if not data:
                break
            raw += data
        if not raw:
            raise ConnectionResetError("closed without an answer")
        return Answer.read(bytes(raw))

    def leave(self) -> None:
        """Go without a word, as a client that crashed: the server's next write meets a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NEVER_MIND)
        self._socket.close()


def exchange(port: int, ask: Ask | bytes) -> Answer:
    """Send one request on a connection of its own and read the answer."""
    with Connection(port) as connection:
        connection.write(bytes(ask))
        return connection.answer()


def _chunks(body: bytes) -> Iterable[bytes]:
    while body:
        size, _, rest = body.partition(b"\r\n")
        yield rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]
