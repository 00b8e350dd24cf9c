"""What a deployment backs up, and where to, by its settings."""

import pytest

from common.clock import wall_clock
from common.services import Services
from common.settings import Settings, SettingsError
from common.storage.backups.bucket import BucketArchive
from common.storage.backups.cloud_sql import CloudSqlRelations
from common.storage.backups.emulator import EmulatorDocuments
from common.storage.backups.firestore_admin import FirestoreDocuments
from common.storage.backups.folder import FolderArchive

BASE = {
    "GOOGLE_CLOUD_PROJECT": "demo-sealpost",
    "SEALPOST_URL": "http://127.0.0.1:8080",
    "FIRESTORE_DATABASE": "restored-1",
}
LOCAL = BASE | {
    "BACKUP_FOLDER": "/backups",
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    "POSTGRES_DSN": "postgresql://u@127.0.0.1:1/d",
}
CLOUD = BASE | {
    "POSTGRES_INSTANCE": "demo-sealpost:europe-west1:sealpost",
    "POSTGRES_USER": "fn-daily-backup@demo-sealpost.iam",
    "POSTGRES_DATABASE": "sealpost",
}


def services(environment: dict[str, str]) -> Services:
    return Services(settings=Settings.from_environment(environment), clock=wall_clock)


@pytest.mark.parametrize("missing", ["BACKUP_FOLDER", "FIRESTORE_EMULATOR_HOST", "POSTGRES_DSN"])
def test_a_function_that_has_nothing_to_back_up_does_not_start(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        services({name: LOCAL[name] for name in LOCAL if name != missing}).backups()


def test_local_databases_are_backed_up_to_a_folder() -> None:
    backups = services(LOCAL).backups()
    assert isinstance(backups.archive, FolderArchive)
    assert isinstance(backups.documents, EmulatorDocuments)
    assert (backups.documents.project, backups.documents.database) == ("demo-sealpost", "restored-1")


@pytest.mark.parametrize(
    ("told", "bucket"), [({}, "demo-sealpost-backups"), ({"BACKUP_BUCKET": "elsewhere"}, "elsewhere")]
)
def test_those_of_the_cloud_to_a_bucket_and_nothing_asks_for_credentials_yet(
    told: dict[str, str], bucket: str
) -> None:
    backups = services(CLOUD | told).backups()
    assert isinstance(backups.archive, BucketArchive)
    assert isinstance(backups.documents, FirestoreDocuments)
    assert isinstance(backups.relations, CloudSqlRelations)
    assert backups.documents.database == "restored-1"
    assert (backups.relations.instance, backups.relations.database) == (
        CLOUD["POSTGRES_INSTANCE"],
        "sealpost",
    )
    assert {backups.archive.bucket, backups.documents.bucket, backups.relations.bucket} == {bucket}
