"""Passes the emulator's trigger calls on to the service of their project: `python -m scripts.local.gateway PORT FOLDER`.

The Firestore emulator knows one address for all projects, and each test worker's project has a service of its own.
FOLDER holds a file for each project, with its service's port.
"""

import http.client
import re
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from scripts.local.ports import HOST

_PATH = re.compile(r"/functions/projects/([a-z0-9-]+)/triggers/\w+")
_PASSED_ON = re.compile(r"content-type|ce-.+", re.IGNORECASE)


def routes(data: Path) -> Path:
    return data / "routes"


def add_route(data: Path, project: str, port: int) -> None:
    (routes(data) / project).write_text(str(port), encoding="ascii")


class Gateway(BaseHTTPRequestHandler):
    folder: Path

    def do_GET(self) -> None:
        self._answer(HTTPStatus.OK)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        match = _PATH.fullmatch(self.path)
        route = self.folder / match[1] if match else None
        if route is None or not route.is_file():
            self._answer(HTTPStatus.NOT_FOUND)
            return
        connection = http.client.HTTPConnection(HOST, int(route.read_text(encoding="ascii")), timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if _PASSED_ON.fullmatch(name)}
            connection.request("POST", self.path, body, headers)
            self._answer(HTTPStatus(connection.getresponse().status))
        except OSError:  # the worker has ended, its service with it
            self._answer(HTTPStatus.BAD_GATEWAY)
        finally:
            connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nothing to say: the services log their own calls."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(
        (HOST, int(sys.argv[1])), type("Gateway", (Gateway,), {"folder": Path(sys.argv[2])})
    ).serve_forever()
