"""A process that is killed at one point of its writing.

The points: before each system call that changes a file, and in the middle of each that writes more than a sector.
SQLite's own calls are caught where it lets them be replaced (sqlite3_vfs.xSetSystemCall), Python's by audit events. The
process is a fork of one that has loaded everything, so that a kill costs milliseconds. It speaks to the service of the
test through a pipe: what that has answered outlives the process.
"""

import _sqlite3
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import httpx

from sealpost.account import Account, Surroundings
from sealpost.folders import ProfileFolder
from sealpost.mailbox import MessageDocument
from sealpost.protocol.jwk import PrivateKey, Use
from tests.client.fakes import CHEAP, PASSPHRASE, URL, FakeMailbox, FakeService, Json, StillWall

_CHANGING = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link"}
_SECTOR = 512
_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

_int, _long, _size, _pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_size_t, ctypes.c_void_p
_CALLS = {
    "open": (_int, _pointer, _int, _int),
    "unlink": (_int, _pointer),
    "ftruncate": (_int, _int, _long),
    "write": (_long, _int, _pointer, _size),
    "pwrite": (_long, _int, _pointer, _size, _long),
    "pwrite64": (_long, _int, _pointer, _size, _long),
}
"""SQLite's changing system calls: their result and arguments in C."""


class _Vfs(ctypes.Structure):
    """sqlite3_vfs, version 3."""


_get_call = ctypes.CFUNCTYPE(_pointer, ctypes.POINTER(_Vfs), ctypes.c_char_p)
_set_call = ctypes.CFUNCTYPE(_int, ctypes.POINTER(_Vfs), ctypes.c_char_p, _pointer)
_Vfs._fields_ = [
    ("numbers", _int * 3),
    ("pointers_and_functions", _pointer * 16),
    ("set_call", _set_call),
    ("get_call", _get_call),
]


@dataclass
class Actor:
    """One person in the process that is killed. `tell` passes on what the person was told: it is acknowledged."""

    home: Path
    name: str
    ahead: float
    accounts: dict[str, Json]
    documents: list[MessageDocument]
    keys: list[dict[str, str]]
    temporary: Path
    wire: Connection = field(init=False)

    @property
    def folder(self) -> ProfileFolder:
        return ProfileFolder(self.home, self.name)

    @property
    def around(self) -> Surroundings:
        wall = StillWall()
        wall.ahead = self.ahead
        service = FakeService(accounts=self.accounts, documents=self.documents)
        return Surroundings(
            transport=httpx.MockTransport(self._ask),
            identity=service.identity(),
            mailbox=FakeMailbox(service, f"{self.name}@example.org", wall).open,
            wall=wall,
            cost=CHEAP,
        )

    def sign_up(self) -> Account:
        return Account.sign_up(
            f"{self.name}@example.org",
            service=URL,
            folder=self.folder,
            new_passphrase=lambda: PASSPHRASE,
            passphrase=lambda: PASSPHRASE,
            surroundings=self.around,
        )

    def open(self) -> Account:
        return Account.open(self.folder, passphrase=lambda: PASSPHRASE, surroundings=self.around)

    def tell(self, what: str) -> None:
        self.wire.send(what)

    def _ask(self, request: httpx.Request) -> httpx.Response:
        self.wire.send((str(request.url), dict(request.headers), request.content))
        status, headers, content = self.wire.recv()
        return httpx.Response(status, headers=headers, content=content)


Act = Callable[[Actor], None]


@dataclass
class _Countdown:
    """Ends the process at one point of those that it passes, counted from 0."""

    point: int
    passed: int = 0
    _kept: list[Any] = field(default_factory=list)

    def begin(self) -> None:
        self._replace_calls_of_sqlite()
        sys.addaudithook(self._on_event)

    def _is_here(self) -> bool:
        self.passed += 1
        return self.passed > self.point

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _CHANGING or (event == "open" and not arguments[2] & _FOR_WRITING):
            return
        if self._is_here():
            _die()

    def _replace_calls_of_sqlite(self) -> None:
        library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        vfs = library.sqlite3_vfs_find(None)
        for name, (result, *arguments) in _CALLS.items():
            original = vfs.contents.get_call(vfs, name.encode())
            if original:
                kind = ctypes.CFUNCTYPE(result, *arguments, use_errno=True)
                replacement = kind(partial(self._call, name, kind(original)))
                self._kept.append(replacement)
                vfs.contents.set_call(vfs, name.encode(), ctypes.cast(replacement, _pointer))

    def _call(self, name: str, original: Callable[..., int], *arguments: int) -> int:
        if name != "open" or arguments[1] & os.O_CREAT:
            if self._is_here():
                _die()
            if "write" in name and arguments[2] > _SECTOR and self._is_here():
                descriptor, start, size, *offset = arguments
                original(descriptor, start, size // 2, *offset)
                _die()
        return original(*arguments)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def serve(descriptor: int) -> None:
    """Forks for each order that comes by the pipe, and sends how the fork ended."""
    wire = Connection(descriptor)
    with suppress(EOFError):
        while True:
            order: _Order = wire.recv()
            fork = os.fork()
            if not fork:
                order.carry_out(wire)
                os._exit(0)
            wire.send(os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]))


@dataclass(frozen=True, slots=True)
class _Order:
    act: Act
    point: int
    actor: Actor

    def carry_out(self, wire: Connection) -> None:
        pool = list(self.actor.keys)

        def from_pool(use: Use) -> PrivateKey:
            jwk = next(jwk for jwk in pool if jwk["use"] == use.value)
            pool.remove(jwk)
            return PrivateKey.parse(jwk)

        PrivateKey.generate = from_pool  # type: ignore[method-assign]
        tempfile.tempdir = str(self.actor.temporary)
        self.actor.wire = wire
        _Countdown(self.point).begin()
        self.act(self.actor)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process ended, and what it had told before."""

    killed: bool
    told: list[str]


class Killing:
    """The process that forks."""

    def __init__(self) -> None:
        self._wire, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter
                [
                    sys.executable,
                    "-c",
                    f"from tests.client import acts, kills; kills.serve({theirs.fileno()})",
                ],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        self._wire.close()
        self._process.wait()

    def run(self, act: Act, actor: Actor, *, point: int, service: FakeService) -> Ended:
        """Runs `act` until its `point`, or to its end if it has fewer, before `service`."""
        self._wire.send(_Order(act, point, actor))
        told = []
        while True:
            match self._wire.recv():
                case str(what):
                    told.append(what)
                case int(status):
                    assert status in {0, -signal.SIGKILL}
                    return Ended(status != 0, told)
                case (url, headers, content):
                    request = httpx.Request("POST", url, headers=headers, content=content)
                    answer = service.transport().handle_request(request)
                    self._wire.send((answer.status_code, dict(answer.headers), answer.read()))
