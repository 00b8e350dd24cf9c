"""One JSON call over HTTP on loopback, whatever proxies the person's environment names."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def call(
    method: str, url: str, body: object = None, *, bearer: str | None = None, timeout: float = 30
) -> Answer:
    """Send a request and read the answer, whatever its status.

    Raises:
        OSError, http.client.HTTPException: nobody answered.
    """
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode("utf-8", "replace"))
    finally:
        connection.close()


def is_up(url: str) -> bool:
    try:
        return call("GET", url, timeout=5).status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
