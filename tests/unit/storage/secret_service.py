"""A Secret Manager on this machine: secrets, versions and etags as the real one keeps them, over HTTP."""

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Kept:
    etag: int = 1
    annotations: dict[str, str] = field(default_factory=dict)
    versions: list[tuple[str, str]] = field(default_factory=list)
    """State and value, the first version first."""


@dataclass
class SecretService:
    api: str = ""
    secrets: dict[str, Kept] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    broken: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Calls by their end, such as `:addVersion`, which are answered by that status and error instead."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(  # noqa: C901, PLR0911 - a table of calls
        self, method: str, target: str, body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        url = urlsplit(target)
        path = url.path.removeprefix("/v1/")
        with self.lock:
            self.calls.append(f"{method} {path}")
            for end, (status, name) in self.broken.items():
                if path.endswith(end):
                    return _error(status, name)
            name, _, rest = path.partition("/versions") if "/versions" in path else path.partition(":")
            secret = self.secrets.get(name)
            if secret is None:
                return _error(404, "NOT_FOUND")
            match method, rest:
                case "GET", "" if "/versions" not in path:
                    return 200, {"name": name, "etag": str(secret.etag), "annotations": secret.annotations}
                case "PATCH", "":
                    assert parse_qs(url.query) == {"updateMask": ["annotations"]}
                    if body.get("etag", str(secret.etag)) != str(secret.etag):
                        return _error(400, "FAILED_PRECONDITION")
                    secret.etag, secret.annotations = secret.etag + 1, body["annotations"]
                    return 200, {"etag": str(secret.etag)}
                case "POST", "addVersion":
                    secret.versions.append(("ENABLED", b64decode(body["payload"]["data"]).decode()))
                    return 200, {"name": f"{name}/versions/{len(secret.versions)}"}
                case "GET", "/latest:access":
                    state, value = secret.versions[-1]
                    if state != "ENABLED":
                        return _error(400, "FAILED_PRECONDITION")
                    return 200, {"payload": {"data": b64encode(value.encode()).decode()}}
                case "GET", "":
                    return self._page(name, secret, int(parse_qs(url.query).get("pageToken", ["0"])[0]))
                case "POST", _ if rest.endswith(":destroy"):
                    number = int(rest.removeprefix("/").removesuffix(":destroy"))
                    secret.versions[number - 1] = ("DESTROYED", "")
                    return 200, {}
            return _error(404, "NOT_FOUND")

    def _page(self, name: str, secret: Kept, begin: int) -> tuple[int, dict[str, Any]]:
        """Two a page, so that whoever lists must turn it."""
        enabled = [number for number, (state, _) in enumerate(secret.versions, 1) if state == "ENABLED"]
        page: dict[str, Any] = {
            "versions": [{"name": f"{name}/versions/{n}"} for n in enabled[begin : begin + 2]]
        }
        if enabled[begin + 2 :]:
            page["nextPageToken"] = str(begin + 2)
        return 200, page


def _error(status: int, name: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"code": status, "status": name, "message": "canary"}}


@contextmanager
def secret_service() -> Iterator[SecretService]:
    service = SecretService()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else {}
            status, answer = service.answer(self.command, self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    service.api = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
