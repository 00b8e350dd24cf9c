"""A backup's documents into a database that Terraform has made: Firestore's managed import, and whose the database is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
from google.api_core.retry import Retry
from google.cloud.firestore_admin_v1 import FirestoreAdminClient, ImportDocumentsMetadata

from common.backups.model import COLLECTIONS
from common.storage.firestore.restored import Documents, Value
from common.storage.postgres.load import Stage
from scripts.local.say import Stop

_SECONDS = 60.0
_PAUSE = 5.0
"""Seconds between two looks at an import."""
_PATIENTLY = Retry(timeout=300.0)
"""For calls that change nothing."""
_CLAIM = "restores"
"""The collection of the one document that says which backup a database is made from, and how far it is. The rules name it
nowhere: clients never see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Of the documents at `source` into `database`, which is named in full.

    Raises, in every method:
        Stop: Firestore refuses, or cannot be reached.
    """

    admin: FirestoreAdminClient
    database: str
    source: str
    """gs://BUCKET/FOLDER"""

    def has_database(self) -> bool:
        try:
            _heard(
                lambda: self.admin.get_database(name=self.database, retry=_PATIENTLY, timeout=_SECONDS),
                NotFound,
            )
        except NotFound:
            return False
        return True

    def running(self) -> str | None:
        """The operation that an earlier run has started."""
        request = {"name": self.database}
        while True:
            page = _heard(
                lambda: self.admin.list_operations(dict(request), retry=_PATIENTLY, timeout=_SECONDS)
            )
            for operation in page.operations:
                told = _told(operation)
                if told is not None and not operation.done and told.input_uri_prefix == self.source:
                    return str(operation.name)
            if not page.next_page_token:
                return None
            request["page_token"] = page.next_page_token

    def start(self) -> str:
        """Begin it. Asked once: an import that was begun by a lost call is found by `running`."""
        request = {
            "name": self.database,
            "collection_ids": COLLECTIONS,
            "input_uri_prefix": self.source,
        }
        begun = _heard(lambda: self.admin.import_documents(request, retry=None, timeout=_SECONDS))
        return str(begun.operation.name)

    def wait(self, operation: str, tell: Callable[[int], None]) -> None:
        """Until it has ended well. `tell` takes how many documents are there."""
        request = {"name": operation}
        while True:
            found = _heard(lambda: self.admin.get_operation(request, retry=_PATIENTLY, timeout=_SECONDS))
            if found.HasField("error"):
                raise Stop(
                    f"Firestore's import has failed (status {found.error.code}). Run this again: it is begun anew."
                )
            if (told := _told(found)) is not None:
                tell(told.progress_documents.completed_work)
            if found.done:
                return
            time.sleep(_PAUSE)


def claim(documents: Documents, digest: str) -> Stage:
    """Note that an empty database is made from the backup of this digest; say how far an earlier run came.

    Raises:
        Stop: it has documents that are not from a restore of this backup.
    """
    stage = claimed(documents, digest)
    if stage is not None:
        return stage
    if not documents.is_empty():
        raise Stop(
            f"Firestore's database {documents.database} has documents that are not from a restore of this backup. "
            "It is left as it is: have Terraform make another, if nobody needs it."
        )
    note(documents, digest, "made")
    return "made"


def claimed(documents: Documents, digest: str) -> Stage | None:
    """How far a restore of the backup of this digest came; None if none has begun."""
    stages: tuple[Stage, ...] = ("made", "loaded", "checked", "ready")
    for found in documents.page(_CLAIM, None, 1):
        if found.fields["backup"].string_value == digest:
            return next((stage for stage in stages if stage == found.fields["stage"].string_value), None)
    return None


def note(documents: Documents, digest: str, stage: Stage) -> None:
    fields = {"backup": Value(string_value=digest), "stage": Value(string_value=stage)}
    documents.write([(f"{_CLAIM}/backup", fields)])


def _told(operation: Any) -> Any:
    told = ImportDocumentsMetadata.pb()()
    return told if operation.metadata.Unpack(told) else None


def _heard(call: Callable[[], Any], *expected: type[GoogleAPICallError]) -> Any:
    try:
        return call()
    except expected:
        raise
    except GoogleAPICallError as error:
        code = error.grpc_status_code
    except RetryError:
        code = None
    raise Stop(f"Firestore refused ({code.name if code else 'no answer'}). Run this again: it goes on.")
