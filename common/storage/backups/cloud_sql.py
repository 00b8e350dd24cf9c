"""The relations of a Cloud SQL instance, by its own export over the Admin API's REST, for which a library would be much.

The export is offloaded: another machine reads the disk, and the instance serves on. The instance's service account writes
the object, not ours.
"""

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import google.auth.exceptions

from common.backups.model import Done, ExportRefused, Failed, Progress, Running
from common.clock import remaining
from common.errors import Unavailable
from common.storage.google_session import GoogleSession

API = "https://sqladmin.googleapis.com"
_CODE = re.compile(r"[A-Za-z_]{1,64}", re.ASCII)


@dataclass(slots=True, kw_only=True)
class CloudSqlRelations:
    instance: str
    """PROJECT:REGION:NAME."""
    database: str
    bucket: str
    api: str = API
    session: Any = field(default_factory=GoogleSession)
    """A session of requests."""

    async def start(self, place: str) -> str:
        project, _, name = self.instance.split(":")
        export = {
            "kind": "sql#exportContext",
            "fileType": "SQL",
            "uri": f"gs://{self.bucket}/{place}",
            "databases": [self.database],
            "offload": True,
        }
        path = f"projects/{project}/instances/{name}/export"
        answer = await self._call("POST", path, {"exportContext": export})
        return str(answer["name"])

    async def look(self, operation: str) -> Progress:
        found = await self._call("GET", f"projects/{self.instance.split(':')[0]}/operations/{operation}")
        if found.get("status") != "DONE":
            return Running()
        errors = found.get("error", {}).get("errors", [])
        if errors:
            code = errors[0].get("code") or ""
            return Failed(f"Cloud SQL's export has failed: {code if _CODE.fullmatch(code) else 'unknown'}.")
        return Done()

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = await asyncio.to_thread(
                lambda: self.session.request(method, f"{self.api}/v1/{path}", json=body, timeout=remaining())
            )
        except (google.auth.exceptions.TransportError, google.auth.exceptions.RefreshError):
            raise Unavailable("Google's tokens cannot be had.") from None
        except OSError:  # of which all of requests' are
            raise Unavailable("Cloud SQL does not answer.") from None
        if answer.ok:
            return answer.json()
        if answer.status_code == HTTPStatus.CONFLICT:
            raise Unavailable("Cloud SQL is busy with another operation on the instance.")
        if (
            answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
            or answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise Unavailable("Cloud SQL refuses more calls for the moment.")
        raise ExportRefused(f"Cloud SQL refused with HTTP {answer.status_code}.")
