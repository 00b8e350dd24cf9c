"""The documents of a Firestore database, by its managed export into a bucket."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.firestore_admin_v1 import (
    ExportDocumentsMetadata,
    ExportDocumentsRequest,
    FirestoreAdminClient,
)

from common.backups.model import COLLECTIONS, Done, ExportRefused, Failed, Progress, Running
from common.clock import remaining
from common.errors import DeadlineExceeded, Unavailable

_LATER = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
    }
)
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclass(slots=True, kw_only=True)
class FirestoreDocuments:
    project: str
    bucket: str
    database: str = "(default)"
    client: Any = None
    """A FirestoreAdminClient. By default one with the credentials of whoever runs this, made at the first call."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def start(self, place: str, at: float) -> str:
        """`at` is a whole minute that has passed: with point-in-time recovery an export can look back at one."""
        request = ExportDocumentsRequest(
            name=f"projects/{self.project}/databases/{self.database}",
            collection_ids=COLLECTIONS,
            output_uri_prefix=f"gs://{self.bucket}/{place}",
            snapshot_time=datetime.fromtimestamp(at, UTC),
        )
        begun = await _called(
            lambda: self._ready().export_documents(request, retry=None, timeout=remaining())
        )
        return str(begun.operation.name)

    async def look(self, operation: str) -> Progress:
        request = {"name": operation}
        found = await _called(lambda: self._ready().get_operation(request, retry=None, timeout=remaining()))
        if not found.done:
            return Running()
        if found.HasField("error"):
            return Failed(f"Firestore's export has failed: {_CODES.get(found.error.code, 'UNKNOWN')}.")
        told = ExportDocumentsMetadata.pb()()
        found.metadata.Unpack(told)
        return Done(told.progress_documents.completed_work)

    def _ready(self) -> Any:
        with self._lock:
            if self.client is None:
                self.client = FirestoreAdminClient()
            return self.client


async def _called(work: Callable[[], Any]) -> Any:
    try:
        return await asyncio.to_thread(work)
    except GoogleAPICallError as error:
        code = error.grpc_status_code
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise DeadlineExceeded("Firestore took too long.")
    if code is None or code in _LATER:
        raise Unavailable("Firestore takes no calls for the moment.")
    raise ExportRefused(f"Firestore refused with {code.name}.")
