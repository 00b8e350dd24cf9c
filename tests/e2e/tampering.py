"""A service that lies: a proxy that changes what it answers, and its owner's hand in both databases."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from scripts.local.emulators import OWNER
from scripts.local.layout import Layout
from scripts.local.ports import HOST
from scripts.local.processes import Processes
from scripts.local.stack import Backing, Suite
from scripts.local.testbed import start_test_suite
from scripts.local.web import call
from sealpost.sending import Receipt

Json = dict[str, Any]
Forward = Callable[[Json], httpx.Response]
Lie = Callable[[Json, Forward], httpx.Response]
"""Answers a request. What it forwards, changed or not, reaches the true service."""

_HEADERS = ("authorization", "content-type", "user-agent", "accept")


def problem(status: int, code: str, **members: Any) -> httpx.Response:
    document = {"type": f"urn:sealpost:problem:{code}", "title": code, "status": status} | members
    return httpx.Response(status, json=document, headers={"content-type": "application/problem+json"})


def rewriting(change: Callable[[Json], None]) -> Lie:
    """Changes the answer of the true service."""

    def lie(asked: Json, forward: Forward) -> httpx.Response:
        answer = forward(asked)
        members = answer.json()
        change(members)
        return httpx.Response(answer.status_code, json=members)

    return lie


@dataclass(slots=True)
class TamperingProxy:
    """Clients take it for the service, and so does the service itself: its public URL is the proxy's."""

    port: int = 0
    target: str = ""
    _lies: dict[str, Lie] = field(default_factory=dict)
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=40))

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @contextmanager
    def lying(self, **lies: Lie) -> Iterator[None]:
        """About calls of these functions."""
        self._lies = lies
        try:
            yield
        finally:
            self._lies = {}

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        def forward(asked: Json) -> httpx.Response:
            return self._http.post(self.target + path, json=asked, headers=headers)

        lie = self._lies.get(path.removeprefix("/v1/"))
        return forward(json.loads(body)) if lie is None else lie(json.loads(body), forward)


@contextmanager
def tampering_proxy() -> Iterator[TamperingProxy]:
    proxy = TamperingProxy()
    server = ThreadingHTTPServer((HOST, 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, name="tampering proxy", daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: TamperingProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name: self.headers[name] for name in _HEADERS if name in self.headers}
        answer = self.proxy.answer(self.path, headers, body)
        self.send_response(answer.status_code)
        for name in ("content-type", "retry-after"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nothing to say: the service logs its calls."""


@dataclass(frozen=True, slots=True)
class Document:
    """A stored message: its path, and its fields as Firestore's REST interface writes them."""

    cid: str
    mid: str
    fields: Json

    @property
    def path(self) -> str:
        return f"conversations/{self.cid}/messages/{self.mid}"

    @property
    def text(self) -> str:
        return str(self.fields["envelope"]["stringValue"])

    @property
    def envelope(self) -> Json:
        envelope: Json = json.loads(self.text)
        return envelope

    def moved(self, **place: str) -> "Document":
        return replace(self, **place)  # type: ignore[arg-type]

    def saying(self, **texts: str) -> "Document":
        return replace(self, fields=self.fields | {name: {"stringValue": texts[name]} for name in texts})

    def dated(self, **times: str) -> "Document":
        """RFC 3339, in UTC."""
        changed = {name: {"timestampValue": times[name]} for name in times}
        return replace(self, fields=self.fields | changed)

    def holding(self, envelope: Json) -> "Document":
        return self.saying(envelope=json.dumps(envelope, separators=(",", ":")))


@dataclass(slots=True)
class Owner:
    """Reads and writes both databases past every rule, and undoes what it wrote."""

    suite: Suite
    backing: Backing
    _stored: set[str] = field(default_factory=set)

    def taken(self, sent: Receipt) -> Document:
        """A message that was accepted, and is stored no longer."""
        document = Document(sent.conversation_id, sent.message_id, {})
        found = call("GET", self._url(document.path), bearer=OWNER).json["fields"]
        self._delete(document.path)
        return replace(document, fields=found)

    def taken_all(self, cid: str) -> list[Document]:
        """Every message of a conversation, by id; they are stored no longer."""
        answer = call("GET", self._url(f"conversations/{cid}/messages") + "?pageSize=300", bearer=OWNER).json
        stored = {one["name"].rpartition("/")[2]: one["fields"] for one in answer.get("documents", [])}
        made = [Document(cid, mid, stored[mid]) for mid in sorted(stored)]
        for document in made:
            self._delete(document.path)
        return made

    def store(self, *documents: Document) -> None:
        for document in documents:
            self._stored.add(document.path)
            body = {"fields": document.fields}
            assert call("PATCH", self._url(document.path), body, bearer=OWNER).status == httpx.codes.OK

    def clear(self) -> None:
        """Deletes what was stored."""
        while self._stored:
            self._delete(self._stored.pop())

    @contextmanager
    def rows(self, *changes: tuple[str, str, str, str]) -> Iterator[None]:
        """Other values, as (table, column, the true value, the other one), in PostgreSQL's rows."""
        self._change(*changes)
        try:
            yield
        finally:
            self._change(*((table, column, false, true) for table, column, true, false in changes))

    def run(self, sql: str, **values: object) -> None:
        connection = self.backing.postgres.connect(self.suite.database)
        try:
            connection.run(sql, **values)
        finally:
            connection.close()

    def _change(self, *changes: tuple[str, str, str, str]) -> None:
        connection = self.backing.postgres.connect(self.suite.database)
        try:
            for table, column, old, new in changes:
                connection.run(
                    f"update {table} set {column} = :new where {column} = :old",  # noqa: S608 - names of this file
                    old=old,
                    new=new,
                )
                assert connection.row_count == 1
        finally:
            connection.close()

    def _delete(self, path: str) -> None:
        assert call("DELETE", self._url(path), bearer=OWNER).status == httpx.codes.OK

    def _url(self, path: str) -> str:
        project = f"projects/{self.suite.project}/databases/(default)"
        return f"{self.backing.firestore.url}/v1/{project}/documents/{path}"


@contextmanager
def lying_suite(
    layout: Layout, processes: Processes, backing: Backing, name: str
) -> Iterator[tuple[TamperingProxy, Owner]]:
    """A suite whose public URL is a tampering proxy's, and the owner of what it keeps."""
    with tampering_proxy() as proxy:
        settings = {"SEALPOST_URL": proxy.url}
        suite = start_test_suite(processes, layout, backing, name, triggers=False, settings=settings)
        proxy.target = suite.url
        yield proxy, Owner(suite, backing)
        processes.stop(suite.child)
