"""Requests rendered before a run: each is bytes with a gap for the message id, the only part that differs when it is repeated."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

from scripts.local.ports import HOST

GAP = "00000000-0000-7000-8000-000000000000"
"""Where the message id goes."""


@dataclass(frozen=True, slots=True)
class Request:
    before: bytes
    after: bytes


def render(method: str, path: str, headers: Mapping[str, str], body: str) -> Request:
    """A request of HTTP/1.1. `GAP` in its path or body is where the id goes; without one it is always the same."""
    head = {
        "Host": HOST,
        **headers,
        "Content-Type": "application/json",
        "Content-Length": str(len(body.encode())),
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    before, _, after = ("\r\n".join(lines) + "\r\n\r\n" + body).partition(GAP)
    return Request(before.encode(), after.encode())


def write(path: Path, requests: list[Request]) -> None:
    path.write_text(
        json.dumps([[one.before.decode(), one.after.decode()] for one in requests]), encoding="utf-8"
    )


def read(path: str) -> list[Request]:
    pairs = json.loads(Path(path).read_text(encoding="utf-8"))
    return [Request(before.encode(), after.encode()) for before, after in pairs]


def stream(requests: list[Request]) -> Callable[[], bytes]:
    """Gives the requests in turn, from anywhere on, each with a UUIDv7 that no other has (RFC 9562, section 5.7)."""
    start = secrets.randbelow(len(requests))
    turns = cycle(requests[start:] + requests[:start])
    mark, numbers = secrets.token_hex(6), count()

    def next_one() -> bytes:
        one = next(turns)
        if not one.after:
            return one.before
        message_id = f"{mark[:8]}-{mark[8:]}-7000-8000-{next(numbers):012x}"
        return b"%b%b%b" % (one.before, message_id.encode(), one.after)

    return next_one
