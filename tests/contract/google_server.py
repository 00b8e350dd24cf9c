"""A server of one of Google's REST APIs on this machine. Requests that the API does not know are errors of the test."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.contract.discovery import Api


@dataclass(frozen=True)
class Request:
    method: str
    """As the discovery document names it."""
    values: dict[str, str]
    query: dict[str, str]
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


def error(status: int, reason: str) -> Reply:
    """As Google's APIs say it (google.rpc's mapping to HTTP), with a text that must not be repeated."""
    told = {"code": status, "message": "canary", "errors": [{"reason": reason, "message": "canary"}]}
    return Reply(status, {"error": told})


class GoogleServer:
    """`faults` are replies that come before the API's own, one a request; None hangs up.

    When it is `losing`, it does what it is asked to, and hangs up.
    """

    def __init__(self, api: str, answer: Callable[[Request], Reply]) -> None:
        self.faults: list[Reply | None] = []
        self.losing = False
        self.mistakes: list[str] = []
        self.requests: list[Request] = []
        self._api, self._answer = Api(api), answer
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                reply = server.reply(self.command, self.path, self.headers, body)
                if reply is None:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.bytes)))
                self.end_headers()
                self.wfile.write(reply.bytes)

            do_GET = do_POST = _serve  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def reply(self, verb: str, target: str, headers: Message, body: bytes) -> Reply | None:
        try:
            reply = self._reply(verb, target, headers, body)
        except Exception as mistake:  # noqa: BLE001 - a thread of the server's, whose errors nobody would see
            self.mistakes.append(repr(mistake))
            return error(400, "mistake")
        return None if self.losing and verb == "POST" else reply

    def _reply(self, verb: str, target: str, headers: Message, body: bytes) -> Reply | None:
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        is_json = "json" in headers.get("content-type", "")
        method, values = self._api.called(
            verb, url.path, query, json.loads(body) if is_json and body else None
        )
        request = Request(method, values, query, headers, body)
        self.requests.append(request)
        return self.faults.pop(0) if self.faults else self._answer(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        assert not self.mistakes, self.mistakes
