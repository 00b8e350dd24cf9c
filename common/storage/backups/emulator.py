"""The documents of the Firestore emulator, which exports at once and has no operations: `start` does the work.

It exports all that there is, and says no count: `look` imports the export into a project that nobody else has, counts, and
clears it.
"""

import asyncio
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from common.backups.model import COLLECTIONS, Done, ExportRefused, Failed, Progress
from common.clock import remaining
from common.errors import DeadlineExceeded, Unavailable
from common.storage.backups.folder import close_to_others

_AT_MOST = 540.0
_OWNER = {"authorization": "Bearer owner"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorDocuments:
    folder: Path
    host: str
    project: str
    database: str = "(default)"

    async def start(self, place: str, at: float) -> str:  # noqa: ARG002 - a moment that has passed by is now
        """Export to `place`, which must not stand there. The operation is the place itself."""
        target = self.folder.absolute() / place
        order = {
            "database": f"projects/{self.project}/databases/{self.database}",
            "export_directory": str(target.parent),
            "export_name": target.name,
        }
        if not await self._call("POST", f"{_emulated(self.project)}:export", order):
            raise ExportRefused("The Firestore emulator could not write its export.")
        await asyncio.to_thread(close_to_others, target)
        return place

    async def look(self, operation: str) -> Progress:
        index = next((self.folder.absolute() / operation).glob("*.overall_export_metadata"), None)
        if index is None:
            return Failed("The documents' export has no index.")
        scratch = _scratch()
        database = f"projects/{scratch}/databases/{self.database}"
        try:
            order = {"database": database, "export_directory": str(index)}
            if not await self._call("POST", f"{_emulated(scratch)}:import", order):
                return Failed("The documents' export cannot be read.")
            return Done(sum([await self._count(database, collection) for collection in COLLECTIONS]))
        finally:
            await self._call("DELETE", f"{_emulated(scratch)}/databases/{self.database}/documents")

    async def _count(self, database: str, collection: str) -> int:
        query = {"from": [{"collectionId": collection, "allDescendants": True}]}
        order = {
            "structuredAggregationQuery": {
                "structuredQuery": query,
                "aggregations": [{"alias": "all", "count": {}}],
            }
        }
        answer = await self._call("POST", f"/v1/{database}/documents:runAggregationQuery", order)
        if not answer:
            raise Unavailable("The Firestore emulator cannot count.")
        (row,) = answer.json()
        return int(row["result"]["aggregateFields"]["all"]["integerValue"])

    async def _call(self, method: str, path: str, order: Any = None) -> httpx.Response | None:
        """The answer; None if the emulator refuses."""
        try:
            async with httpx.AsyncClient(headers=_OWNER) as http:
                answer = await http.request(
                    method, f"http://{self.host}{path}", json=order, timeout=remaining(_AT_MOST)
                )
        except httpx.TimeoutException:
            raise DeadlineExceeded("The Firestore emulator took too long.") from None
        except httpx.HTTPError:
            raise Unavailable("The Firestore emulator cannot be reached.") from None
        return answer if answer.is_success else None


def _scratch() -> str:
    """A project that nobody else has."""
    return f"demo-count-{uuid.uuid4().hex[:12]}"


def _emulated(project: str) -> str:
    return f"/emulator/v1/projects/{project}"
