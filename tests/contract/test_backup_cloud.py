"""The cloud's adapters against servers on this machine that speak the real protocols."""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
import pytest
import requests

from common.backups import BackupRefused, Backups, Manifest, Outcome
from common.backups.model import Done, ExportRefused, Failed, Running
from common.clock import deadline
from common.errors import DeadlineExceeded, Unavailable
from common.storage.backups.bucket import BucketArchive, StorageRefused
from common.storage.backups.cloud_sql import CloudSqlRelations
from common.storage.backups.firestore_admin import FirestoreDocuments
from tests.contract.cloud_sql_server import CloudSqlServer
from tests.contract.firestore_admin_server import FirestoreAdminServer
from tests.contract.google_server import Reply, error
from tests.contract.storage_server import StorageServer
from tests.fakes.backups import zipped
from tests.fakes.clock import FakeClock

PROJECT, BUCKET = "demo", "demo-backups"
AT = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
NAME = "2026-11-22"
RELATIONS = f"{NAME}/relations.sql.gz"


@dataclass
class Cloud:
    storage: StorageServer
    firestore: FirestoreAdminServer
    sql: CloudSqlServer
    clock: FakeClock

    @property
    def archive(self) -> BucketArchive:
        return BucketArchive(project=PROJECT, bucket=BUCKET, client=self.storage.client())

    @property
    def documents(self) -> FirestoreDocuments:
        return FirestoreDocuments(project=PROJECT, bucket=BUCKET, client=self.firestore.client())

    @property
    def relations(self) -> CloudSqlRelations:
        return CloudSqlRelations(
            instance=f"{PROJECT}:europe-west1:sealpost",
            database="sealpost",
            bucket=BUCKET,
            api=self.sql.url,
            session=requests.Session(),
        )

    @property
    def backups(self) -> Backups:
        return Backups(
            archive=self.archive,
            documents=self.documents,
            relations=self.relations,
            project=PROJECT,
            clock=self.clock,
        )

    def end_sql(self, *, dump: bytes | None = None) -> None:
        """The running export has ended, and left this."""
        for operation in self.sql.operations.values():
            if operation.status != "DONE":
                operation.status = "DONE"
                path = operation.context["uri"].removeprefix(f"gs://{BUCKET}/")
                self.storage.kept[path] = zipped() if dump is None else dump

    def end_firestore(self, documents: int) -> None:
        for name, operation in self.firestore.operations.items():
            if not operation.done:
                self.firestore.end(name, documents=documents)
        for made in self.firestore.exports:
            path = made.output_uri_prefix.removeprefix(f"gs://{BUCKET}/")
            for end in ("all.overall_export_metadata", "all_kinds/output-0", "all_kinds/output-1"):
                self.storage.kept[f"{path}/{end}"] = end.encode()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with (
        StorageServer(BUCKET) as storage,
        FirestoreAdminServer() as firestore,
        CloudSqlServer(PROJECT, "sealpost") as sql,
    ):
        yield Cloud(storage, firestore, sql, FakeClock(AT.timestamp() + 20))


async def test_a_days_backup_from_the_first_call_to_the_manifest(cloud: Cloud) -> None:
    assert await cloud.backups.begin() == Outcome(name=NAME, state="started")
    assert await cloud.backups.begin() == Outcome(name=NAME, state="running")
    assert await cloud.backups.check() == Outcome(name=NAME, state="running")
    cloud.end_firestore(1_234)
    assert await cloud.backups.check() == Outcome(name=NAME, state="running")
    cloud.end_sql()
    assert await cloud.backups.check() == Outcome(name=NAME, state="complete")
    manifest = Manifest.read(cloud.storage.kept[f"{NAME}/manifest.json"], project=PROJECT, name=NAME)
    assert (manifest.documents, manifest.migration) == (1_234, "0002_roles.sql")
    assert [part.name for part in manifest.objects] == [
        "documents/all.overall_export_metadata",
        "documents/all_kinds/output-0",
        "documents/all_kinds/output-1",
        "relations.sql.gz",
    ]
    assert await cloud.backups.begin() == Outcome(name=NAME, state="too early")


async def test_the_documents_are_asked_for_as_they_were_at_a_whole_minute(cloud: Cloud) -> None:
    operation = await cloud.documents.start(f"{NAME}/documents", AT.timestamp())
    (asked,) = cloud.firestore.exports
    assert asked.name == "projects/demo/databases/(default)"
    assert list(asked.collection_ids) == ["conversations", "messages"]
    assert asked.output_uri_prefix == f"gs://{BUCKET}/{NAME}/documents"
    assert asked.snapshot_time == AT
    assert operation == "projects/demo/databases/(default)/operations/export-1"


async def test_the_relations_are_asked_for_without_a_load_on_the_instance(cloud: Cloud) -> None:
    operation = await cloud.relations.start(RELATIONS)
    assert cloud.sql.operations[operation].context == {
        "kind": "sql#exportContext",
        "fileType": "SQL",
        "uri": f"gs://{BUCKET}/{RELATIONS}",
        "databases": ["sealpost"],
        "offload": True,
    }


async def test_slow_operations_run_until_they_are_done(cloud: Cloud) -> None:
    documents = await cloud.documents.start(f"{NAME}/documents", 0)
    relations = await cloud.relations.start(RELATIONS)
    for status in ("PENDING", "RUNNING"):
        cloud.sql.operations[relations].status = status
        assert await cloud.relations.look(relations) == Running()
    assert await cloud.documents.look(documents) == Running()
    cloud.end_sql()
    cloud.end_firestore(3)
    assert await cloud.relations.look(relations) == Done()
    assert await cloud.documents.look(documents) == Done(3)


async def test_operations_that_fail_say_why_and_none_of_their_text(cloud: Cloud) -> None:
    documents = await cloud.documents.start(f"{NAME}/documents", 0)
    cloud.firestore.end(documents, code=grpc.StatusCode.PERMISSION_DENIED)
    failed = Failed("Firestore's export has failed: PERMISSION_DENIED.")
    assert await cloud.documents.look(documents) == failed
    operation = cloud.sql.operations[relations := await cloud.relations.start(RELATIONS)]
    operation.status = "DONE"
    for code, told in (("ERROR_RDBMS", "ERROR_RDBMS"), ("secret: 7", "unknown"), (None, "unknown")):
        operation.errors = [{"kind": "sql#operationError", "code": code, "message": "canary"}]
        assert await cloud.relations.look(relations) == Failed(f"Cloud SQL's export has failed: {told}.")


async def test_an_export_that_is_there_already_is_refused(cloud: Cloud) -> None:
    await cloud.documents.start(f"{NAME}/documents", 0)
    with pytest.raises(ExportRefused, match="ALREADY_EXISTS"):
        await cloud.documents.start(f"{NAME}/documents", 0)


async def test_a_busy_instance_fails_the_attempt_and_the_next_round_begins_another(cloud: Cloud) -> None:
    cloud.sql.busy = True
    with pytest.raises(Unavailable, match="busy with another operation"):
        await cloud.backups.begin()
    cloud.sql.busy = False
    cloud.clock.now += 3_600
    assert await cloud.backups.begin() == Outcome(name=f"{NAME}.2", state="started")


@pytest.mark.parametrize(
    ("status", "refused"),
    [(429, Unavailable), (500, Unavailable), (503, Unavailable), (403, ExportRefused), (400, ExportRefused)],
)
async def test_what_cloud_sql_refuses_says_whether_to_ask_again(
    cloud: Cloud, status: int, refused: type[Exception]
) -> None:
    for call in (lambda: cloud.relations.start(RELATIONS), lambda: cloud.relations.look("0f0e-0")):
        cloud.sql.faults = [error(status, "canary")]
        with pytest.raises(refused) as told:
            await call()
        assert "canary" not in str(told.value)
    assert len(cloud.sql.requests) == 2, "one try a call"


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Unavailable),
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.ABORTED, Unavailable),
        (grpc.StatusCode.INTERNAL, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
        (grpc.StatusCode.PERMISSION_DENIED, ExportRefused),
        (grpc.StatusCode.FAILED_PRECONDITION, ExportRefused),
    ],
)
async def test_what_firestore_refuses_says_whether_to_ask_again(
    cloud: Cloud, code: grpc.StatusCode, refused: type[Exception]
) -> None:
    for call in (lambda: cloud.documents.start(f"{NAME}/documents", 0), lambda: cloud.documents.look("x")):
        cloud.firestore.faults = [code, None]
        with pytest.raises(refused) as told:
            await call()
        assert "canary" not in str(told.value)
        assert cloud.firestore.faults == [None], "one try a call"


@pytest.mark.parametrize(
    ("status", "refused"),
    [(429, Unavailable), (503, Unavailable), (403, StorageRefused), (400, StorageRefused)],
)
async def test_what_cloud_storage_refuses_says_whether_to_ask_again(
    cloud: Cloud, status: int, refused: type[Exception]
) -> None:
    async def opened() -> list[bytes]:
        return [piece async for piece in cloud.archive.open(RELATIONS)]

    archive = cloud.archive

    def create() -> Awaitable[bool]:
        return archive.create(RELATIONS, b"x")

    for call in (
        archive.names,
        opened,
        lambda: archive.read(RELATIONS),
        create,
        lambda: archive.objects(NAME),
    ):
        cloud.storage.faults = [error(status, "canary"), error(400, "a second try")]
        with pytest.raises(refused) as told:
            await call()
        assert "canary" not in str(told.value)
        looked = call is create and status == 403  # whether the object stands there
        assert len(cloud.storage.faults) == 1 - looked, "one try a call"


async def test_an_object_that_may_not_be_replaced_stands_there(cloud: Cloud) -> None:
    """To an identity that may only create, Cloud Storage may say that in place of the precondition."""
    archive = cloud.backups.archive
    cloud.storage.standing = error(403, "forbidden")
    assert await archive.create("2026-11-22/begun.json", b"first")
    assert not await archive.create("2026-11-22/begun.json", b"second")
    assert await archive.read("2026-11-22/begun.json") == b"first"


async def test_a_bucket_that_is_not_there_is_no_empty_archive(cloud: Cloud) -> None:
    archive = BucketArchive(project=PROJECT, bucket="demo-other", client=cloud.storage.client())
    with pytest.raises(StorageRefused, match="404"):
        await archive.names()


async def test_a_lost_answer_leaves_a_claim_that_nobody_holds(cloud: Cloud) -> None:
    """The object was made, the answer was lost: nobody may start twice what may have been started."""
    cloud.storage.losing = True
    with pytest.raises(Unavailable, match="does not answer"):
        await cloud.backups.begin()
    cloud.storage.losing = False
    assert await cloud.backups.begin() == Outcome(name=NAME, state="running")
    assert cloud.firestore.exports == []
    cloud.clock.now += 1_200
    assert await cloud.backups.check() == Outcome(
        name=NAME, state="failed", reason="The call that began it has died."
    )


async def test_content_that_is_damaged_on_its_way_is_not_taken(cloud: Cloud) -> None:
    cloud.storage.kept[f"{NAME}/manifest.json"] = b"{}"
    whole = {"x-goog-hash": "crc32c=AAAAAA==", "x-goog-generation": "1"}
    cloud.storage.faults = [Reply(200, b"[]", whole)]
    with pytest.raises(Unavailable, match="damaged"):
        await cloud.archive.read(f"{NAME}/manifest.json")


async def test_servers_that_are_gone_are_unavailable(cloud: Cloud) -> None:
    nowhere = "http://127.0.0.1:1"
    relations = CloudSqlRelations(
        instance="demo:r:i", database="d", bucket=BUCKET, api=nowhere, session=requests.Session()
    )
    with pytest.raises(Unavailable, match="Cloud SQL"):
        await relations.start(RELATIONS)
    archive = cloud.archive
    cloud.storage.faults = [None]
    with pytest.raises(Unavailable, match="Cloud Storage"):
        await archive.names()


async def test_a_call_without_time_left_asks_nobody(cloud: Cloud) -> None:
    for call in (lambda: cloud.relations.look("x"), lambda: cloud.documents.look("x"), cloud.archive.names):
        with pytest.raises(DeadlineExceeded):
            async with deadline(0):
                await call()
    assert cloud.sql.requests == cloud.storage.requests == []


async def test_an_archive_without_the_dump_says_so(cloud: Cloud) -> None:
    with pytest.raises(BackupRefused, match="missing"):
        async for _ in cloud.archive.open(RELATIONS):
            pass
