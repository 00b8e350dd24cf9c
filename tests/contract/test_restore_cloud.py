"""A deployment's restore: servers that speak the cloud's protocols, the emulator's documents, the job on a PostgreSQL."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import grpc
import pytest

from common.storage.backups.bucket import BucketArchive
from common.storage.backups.folder import FolderArchive
from common.storage.restore import main
from scripts.cloud.tools import Refused
from scripts.local.layout import Layout
from scripts.local.say import Progress, Stop
from scripts.local.stack import Backing, rules
from scripts.restoring.cloud import CloudRestore, Deployment
from scripts.restoring.documents import copy
from scripts.restoring.restore import Place
from tests.contract.firestore_admin_server import FirestoreAdminServer
from tests.contract.restoring import ADA, CYD, MESSAGES, World, backed_up, emptied, message, of
from tests.contract.storage_server import StorageServer


@dataclass
class Cloud:
    world: World
    storage: StorageServer
    admin: FirestoreAdminServer
    job: Sequence[str] = ()
    """The arguments that the job was run with."""
    lost: bool = False
    """Whether nobody hears how the job ends."""

    @property
    def database(self) -> str:
        return f"projects/{self.world.place.project}/databases/{self.world.pair.documents}"

    @property
    def source(self) -> str:
        return f"gs://{self.storage.bucket}/{self.world.name}/documents"

    @property
    def deployment(self) -> Deployment:
        place = self.world.place
        return Deployment(
            project=place.project,
            archive=BucketArchive(
                project=place.project, bucket=self.storage.bucket, client=self.storage.client()
            ),
            ended=FolderArchive(self.world.revocations),
            admin=self.admin.client(),
            documents=lambda database: of(place, database),
            job=self._job,
            firestore=place.backing.firestore.url,
        )

    def restore(self) -> str:
        return self._said(CloudRestore.run)

    def plan(self) -> str:
        return self._said(CloudRestore.plan)

    def admit(self) -> str:
        return self._said(CloudRestore.admit)

    def bring(self, told: Any) -> int:
        """As Firestore's import does, from the one backup that there is."""
        documents = self.world.documents
        if told.input_uri_prefix != self.source:
            return 0
        copy(of(self.world.place, "(default)"), documents, lambda _: None)
        return documents.total()

    def _said(self, what: Any) -> str:
        stream = StringIO()
        what(CloudRestore(self.deployment, self.world.name, Progress(stream)))
        return stream.getvalue()

    def _job(self, words: Sequence[str]) -> None:
        self.job = words
        if main(words, self.world.environment) != 0 or self.lost:
            raise Refused("`gcloud run jobs ...` failed; what it says is above.")


@pytest.fixture(scope="module")
def backup(backing: Backing) -> Iterator[tuple[Place, str]]:
    with backed_up(backing) as made:
        yield made


@pytest.fixture
def cloud(backup: tuple[Place, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """With the database that Terraform has made, and its rules."""
    monkeypatch.setattr("scripts.restoring.importing._PAUSE", 0.01)
    place, _ = backup
    storage = StorageServer(f"{place.project}-backups")
    for path in place.folder.rglob("*"):
        if path.is_file():
            storage.kept[path.relative_to(place.folder).as_posix()] = path.read_bytes()
    with emptied(*backup) as world, storage, FirestoreAdminServer() as admin:
        made = Cloud(world, storage, admin)
        admin.bring = made.bring
        admin.databases.add(made.database)
        place.backing.firestore.load_rules(place.project, rules(Layout()), world.pair.documents)
        yield made


def test_all_of_it_comes_back(cloud: Cloud) -> None:
    cloud.admin.looks = 3
    said = cloud.restore()
    cloud.world.require_whole()
    assert cloud.job == [cloud.world.name, cloud.world.pair.relations, cloud.world.pair.documents]
    (asked,) = cloud.admin.imports
    assert (asked.name, asked.input_uri_prefix) == (cloud.database, cloud.source)
    assert sorted(asked.collection_ids) == ["conversations", "messages"]
    assert [said.count(step) for step in ("Manifest", "checksums", "A stranger is refused", "Ready")] == [
        1,
        1,
        2,
        1,
    ]


def test_run_again_it_replays_a_list_that_has_grown_and_imports_nothing(cloud: Cloud) -> None:
    cloud.restore()
    cloud.world.note(f"accounts/{CYD}")
    cloud.restore()
    assert len(cloud.admin.imports) == 1
    assert cloud.world.ask("select count(*) from accounts") == [[2]]
    assert cloud.world.documents.total() == MESSAGES - 1 + 2


def test_who_admits_is_told_what_to_deploy(cloud: Cloud) -> None:
    with pytest.raises(Stop, match="is not ready: restore"):
        cloud.admit()
    cloud.restore()
    said = cloud.admit()
    pair = cloud.world.pair
    assert f'firestore_database = "{pair.documents}"' in said
    assert f'postgres_database  = "{pair.relations}"' in said
    assert f"./scripts/deploy --project {cloud.world.place.project}" in said


def test_a_dry_run_writes_nothing(cloud: Cloud) -> None:
    cloud.admin.databases.clear()
    said = cloud.plan()
    assert f"{cloud.world.pair.documents}: {MESSAGES + 2} documents" in said
    assert "Nothing was written" in said
    assert f'restored = ["{cloud.world.pair.documents}"]' in said
    assert not cloud.admin.imports
    assert cloud.world.documents.is_empty()


def test_a_database_that_terraform_has_not_made_is_asked_for(cloud: Cloud) -> None:
    cloud.admin.databases.clear()
    with pytest.raises(Stop, match=r"(?s)is not there.*scripts/deploy.*restored = \[\"restored-"):
        cloud.restore()
    assert cloud.world.documents.is_empty()


def test_open_rules_stop_it_before_any_document(cloud: Cloud, tmp_path: Path) -> None:
    opened = tmp_path / "firestore.rules"
    opened.write_text(
        "rules_version = '2'; service cloud.firestore { match /databases/{d}/documents {"
        " match /{document=**} { allow read; } } }"
    )
    place = cloud.world.place
    place.backing.firestore.load_rules(place.project, opened, cloud.world.pair.documents)
    with pytest.raises(Stop, match="The restored documents are open"):
        cloud.restore()
    assert not cloud.admin.imports
    assert cloud.world.documents.is_empty()


def test_rules_that_open_while_documents_come_are_not_ready(cloud: Cloud, tmp_path: Path) -> None:
    opened = tmp_path / "firestore.rules"
    opened.write_text(
        "rules_version = '2'; service cloud.firestore { match /databases/{d}/documents {"
        " match /{path=**}/messages/{m} { allow list: if true; } } }"
    )
    place = cloud.world.place

    def bring(told: Any) -> int:
        place.backing.firestore.load_rules(place.project, opened, cloud.world.pair.documents)
        return cloud.bring(told)

    cloud.admin.bring = bring
    with pytest.raises(Stop, match="The restored documents are open"):
        cloud.restore()
    with pytest.raises(Stop, match="is not ready"):
        cloud.admit()


def test_documents_of_others_are_never_touched(cloud: Cloud) -> None:
    cloud.world.documents.write([("theirs/one", message(ADA))])
    with pytest.raises(Stop, match="not from a restore of this backup"):
        cloud.restore()
    assert not cloud.admin.imports
    assert [cloud.world.documents.path(each) for each in cloud.world.documents.page("theirs", None)] == [
        "theirs/one"
    ]


def test_an_import_that_an_earlier_run_began_is_found_again(cloud: Cloud) -> None:
    cloud.admin.faults = [None, None, grpc.StatusCode.RESOURCE_EXHAUSTED]
    with pytest.raises(Stop, match=r"Firestore refused \(RESOURCE_EXHAUSTED\). Run this again"):
        cloud.restore()
    other = {"name": cloud.database, "input_uri_prefix": "gs://elsewhere/documents"}
    cloud.admin.client().import_documents(other)
    cloud.admin.client().import_documents(other | {"input_uri_prefix": cloud.source})
    cloud.restore()
    assert len(cloud.admin.imports) == 2
    cloud.world.require_whole()


def test_an_import_that_fails_or_brings_too_little_is_begun_anew(cloud: Cloud) -> None:
    cloud.admin.bring = lambda _: None
    with pytest.raises(Stop, match="import has failed"):
        cloud.restore()
    cloud.admin.bring = lambda _: 0
    with pytest.raises(Stop, match=r"holds 0 documents, and the manifest counts"):
        cloud.restore()
    assert not cloud.job
    cloud.admin.bring = cloud.bring
    cloud.restore()
    assert len(cloud.admin.imports) == 3
    cloud.world.require_whole()


def test_a_job_that_failed_is_run_again_alone(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(World, "environment", {})
        with pytest.raises(Stop, match="failed; what it says is above"):
            cloud.restore()
    with pytest.raises(Stop, match="is not ready"):
        cloud.admit()
    cloud.restore()
    assert len(cloud.admin.imports) == 1
    cloud.world.require_whole()


def test_what_the_job_took_away_is_not_imported_again(cloud: Cloud) -> None:
    cloud.world.note(f"accounts/{CYD}")
    cloud.lost = True
    with pytest.raises(Stop, match="failed; what it says is above"):
        cloud.restore()
    cloud.lost = False
    cloud.restore()
    assert len(cloud.admin.imports) == 1
    assert cloud.world.documents.total() == MESSAGES - 1 + 2


def test_a_damaged_object_is_refused_before_anything_is_asked_of_firestore(cloud: Cloud) -> None:
    name = f"{cloud.world.name}/relations.sql.gz"
    cloud.storage.kept[name] = cloud.storage.kept[name][:-1] + b"?"
    cloud.admin.databases.clear()
    with pytest.raises(Stop, match=r"relations\.sql\.gz of the backup is damaged"):
        cloud.restore()


def test_a_throttled_look_is_taken_again(cloud: Cloud) -> None:
    cloud.admin.faults = [grpc.StatusCode.UNAVAILABLE]
    cloud.restore()
    cloud.world.require_whole()
