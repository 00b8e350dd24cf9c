"""Google's credentials for adapters that speak REST, looked for no earlier than at the first call."""

import threading
from dataclasses import dataclass, field
from typing import Any

import google.auth
from google.auth.transport.requests import AuthorizedSession

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(slots=True)
class GoogleSession:
    """A session of requests with the credentials of whoever runs this."""

    scope: str = CLOUD_PLATFORM
    _session: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def request(self, method: str, url: str, **options: Any) -> Any:
        """Raises what requests and google.auth raise."""
        with self._lock:
            if self._session is None:
                credentials, _ = google.auth.default(scopes=[self.scope])
                self._session = AuthorizedSession(credentials)
        return self._session.request(method, url, **options)
