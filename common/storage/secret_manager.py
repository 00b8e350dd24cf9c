"""Secret Manager over its REST API: the few calls that a rotation makes, for which its client library would be much."""

import base64
from dataclasses import dataclass, field
from typing import Any

import google.auth.exceptions

from common.errors import DeadlineExceeded, Unavailable
from common.storage.google_session import GoogleSession

API = "https://secretmanager.googleapis.com"
_SECONDS = 10
_TOO_MANY = 429
_SERVER_ERROR = 500
_BAD_REQUEST = 400
_CONFLICT = 409
_PRECONDITION = 412


class SecretManagerRefused(Exception):
    """It refused a call for good: a permission or a secret is missing. Says the status, never what was sent."""


@dataclass(frozen=True, slots=True)
class Secret:
    etag: str
    annotations: dict[str, str]


@dataclass(slots=True)
class SecretManager:
    """Names are whole: projects/PROJECT/secrets/NAME, and /versions/NUMBER below it.

    Every call may raise Unavailable, DeadlineExceeded or SecretManagerRefused.
    """

    api: str = API
    session: Any = field(default_factory=GoogleSession)
    """A session of requests."""

    def secret(self, name: str) -> Secret:
        found = self._call("GET", name)
        return Secret(found["etag"], found.get("annotations", {}))

    def latest(self, name: str) -> str:
        """The value of the newest version."""
        found = self._call("GET", f"{name}/versions/latest:access")
        return base64.b64decode(found["payload"]["data"]).decode("ascii")

    def annotate(self, name: str, annotations: dict[str, str], *, etag: str | None = None) -> bool:
        """Replace the annotations; False if the secret was changed since it had that etag."""
        body: dict[str, Any] = {"name": name, "annotations": annotations}
        if etag is not None:
            body["etag"] = etag
        return (
            self._call("PATCH", f"{name}?updateMask=annotations", body, may_be_late=etag is not None)
            is not None
        )

    def versions(self, name: str) -> list[str]:
        """The names of the versions that can be read."""
        found: list[str] = []
        page = ""
        while True:
            answer = self._call("GET", f"{name}/versions?filter=state:ENABLED&pageSize=100&pageToken={page}")
            found += [version["name"] for version in answer.get("versions", [])]
            page = answer.get("nextPageToken", "")
            if not page:
                return found

    def add(self, name: str, value: str) -> None:
        data = base64.b64encode(value.encode("ascii")).decode("ascii")
        self._call("POST", f"{name}:addVersion", {"payload": {"data": data}})

    def destroy(self, version: str) -> None:
        self._call("POST", f"{version}:destroy", {})

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, may_be_late: bool = False
    ) -> Any:
        try:
            answer = self.session.request(method, f"{self.api}/v1/{path}", json=body, timeout=_SECONDS)
        except (google.auth.exceptions.TransportError, google.auth.exceptions.RefreshError):
            raise Unavailable("Google's tokens cannot be had.") from None
        except TimeoutError:
            raise DeadlineExceeded("Secret Manager took too long.") from None
        except OSError:  # of which all of requests' are
            raise Unavailable("Secret Manager cannot be reached.") from None
        if answer.ok:
            return answer.json()
        if may_be_late and _is_late(answer):
            return None
        if answer.status_code == _TOO_MANY or answer.status_code >= _SERVER_ERROR:
            raise Unavailable("Secret Manager refuses more calls for the moment.")
        raise SecretManagerRefused(f"Secret Manager answered HTTP {answer.status_code}.")


def _is_late(answer: Any) -> bool:
    """Whether a call failed because its etag is no longer the secret's: FAILED_PRECONDITION or ABORTED."""
    if answer.status_code in {_CONFLICT, _PRECONDITION}:
        return True
    try:
        status = answer.json()["error"]["status"]
    except (ValueError, KeyError, TypeError):
        return False
    return bool(answer.status_code == _BAD_REQUEST and status == "FAILED_PRECONDITION")
