"""Every assertion of the configuration's tests fails where what it asserts is not so.

The manifest, the environment and the configuration are spoiled in as many ways as there are assertions.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.terraform.conftest import Copy
from tests.terraform.deployment import Deployment

MANIFEST = {
    "  list_audit:\n": "  list_acts:\n",
    "{http: {route: /v1/jwks, method: GET}}": "{schedule: {route: /v1/keys, cron: 0 0 * * *, time_zone: Etc/UTC}}",
    "{schedule: {route: /v1/daily_backup, cron: 15 3-6 * * *, time_zone: Etc/UTC}}": "{http: {route: /v1/daily_backup, method: POST}}",
    "document: conversations/{cid}/messages/{mid}": "document: conversations/{cid}",
    "{http: {route: /v1/name_session, method: POST}}": "{firestore: {event: google.cloud.firestore.document.v1.deleted, document: names}}",
    "    rotates: [SIGNING_KEYS_FILE, VERIFICATION_KEYS_FILE]\n": "    rotates: [INDEX_KEY_FILE]\n",
    "    secrets: [INDEX_KEY_FILE, ": "    secrets: [",
    "    archives: [backups]\n": "    roles: [roles/storage.objectAdmin]\n",
}
"""What stands in functions.yaml, and what stands there once it is spoiled. The tests compare with the true one."""

CONFIGURATION = {
    "modules/manifest/main.tf": {
        'deployed_name      = replace(name, "_", "-")': 'deployed_name      = "x-${name}"'
    },
    "archives.tf": {
        '"roles/storage.objectCreator"': '"roles/storage.objectUser"',
        "var.backup_days + 30": "var.backup_days",
    },
    "functions.tf": {
        'for_each = var.shape == "functions" ? module.manifest.functions : {}': "for_each = module.manifest.functions",
        "coalesce(var.domain, ": 'coalesce("elsewhere.example", ',
    },
    "jobs.tf": {
        '"common.storage.postgres.inspect"': '"common.storage.postgres.migrate"',
        "/databases/restored-": "/databases/",
    },
    "registry.tf": {
        'coalesce(var.image, "unset")': "var.image",
        "-${local.number}-${var.region}": "-${local.number}",
        '"roles/artifactregistry.writer"': '"roles/artifactregistry.repoAdmin"',
    },
    "service.tf": {
        'one   = var.shape == "service" ? toset(["suite"]) : toset([])': 'one   = toset(["suite"])',
        'var.domain == null ? "INGRESS': 'var.domain != null ? "INGRESS',
        '["roles/iam.serviceAccountTokenCreator"],\n': "[],\n",
        "cpu_idle          = true": "cpu_idle          = false",
        "max(1, floor(local.suite.pool / 2))": "local.suite.pool",
        "value     = local.firestore_database": 'value     = "(default)"',
    },
    "postgres.tf": {
        "var.postgres_tier)) / 16)": "var.postgres_tier)) / 4)",
        "ipv4_enabled       = false": "ipv4_enabled       = true",
        '"TRUSTED_CLIENT_CERTIFICATE_REQUIRED"': '"ENCRYPTED_ONLY"',
        '"cloudsql.iam_authentication"         = "on"': '"cloudsql.iam_authentication"         = "off"',
        '= "ddl"': '= "all"',
        "point_in_time_recovery_enabled = true": "point_in_time_recovery_enabled = false",
        '"CLOUD_IAM_SERVICE_ACCOUNT"': '"CLOUD_IAM_USER"',
    },
    "firestore.tf": {
        '"POINT_IN_TIME_RECOVERY_ENABLED"': '"POINT_IN_TIME_RECOVERY_DISABLED"',
        '"cloud.firestore/${each.key}"': '"cloud.firestore.${each.key}"',
        "setsubtract(setunion(var.restored, [var.firestore_database])": "setsubtract([var.firestore_database]",
    },
}
"""The same of the root module's files."""

FUNCTION = {
    "callers.tf": {
        'var.function.kind == "http" ? "allUsers" : google_service_account.caller[0].member': '"allAuthenticatedUsers"',
        'role    = "roles/eventarc.eventReceiver"': 'role    = "roles/eventarc.admin"',
        'count = var.function.kind == "http" ? 0 : 1': "count = 1",
        "schedule         = var.function.cron": 'schedule         = "* * * * *"',
    },
    "identity.tf": {
        "role if role != local.on_itself]": "role]",
        'var.function.database_role == null ? [] : ["roles/cloudsql.client", "roles/cloudsql.instanceUser"]': '["roles/viewer"]',
        "service_account_id = var.account.name": 'service_account_id = "projects/demo/serviceAccounts/all"',
        "{ for name in var.function.secrets : name => var.secrets[name] if var.secrets[name] != null }": "{ for name, id in var.secrets : name => coalesce(id, name) }",
    },
    "main.tf": {
        'var.function.kind == "http" ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY"': '"ALLOW_ALL"',
        "    { POOL = tostring(var.function.pool) },\n": "",
        "docker_repository = var.repository\n": "docker_repository = null\n",
        'version = "latest"': 'version = "1"',
        "for_each = var.function.database_role == null ? [] : [var.network]": 'for_each = [{ network = "default", subnetwork = "default" }]',
        '"python${replace(var.python, ".", "")}"': '"python314"',
        "object = google_storage_bucket_object.source.name": 'object = "source.zip"',
        "trigger_region        = var.firestore_location": "trigger_region        = var.region",
        "match-path-pattern": "match",
    },
}
"""The same of the files of modules/function."""


@pytest.fixture(scope="module")
def spoiled(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    made = copy(tmp_path_factory.mktemp("spoiled"))
    _spoil(made, "terraform", CONFIGURATION)
    _leave_refusals_out(made.root / "tests" / "service.tftest.hcl")
    return made


@pytest.fixture(scope="module")
def elsewhere(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Where the manifest is spoiled. Its functions are named as it names them."""
    made = copy(tmp_path_factory.mktemp("elsewhere"))
    for old, new in MANIFEST.items():
        made.change("functions.yaml", old, new)
    (made.folder / "functions" / "list_audit").rename(made.folder / "functions" / "list_acts")
    made.stage()
    return made


@pytest.mark.parametrize("file", ["functions", "service", "postgres", "production"])
def test_every_assertion_can_fail(spoiled: Deployment, elsewhere: Deployment, file: str) -> None:
    sentences = _sentences(spoiled.root / "tests" / f"{file}.tftest.hcl")
    ran = spoiled.test(f"{file}.tftest.hcl", "dev", checkout=str(elsewhere.folder))
    assert {sentence for sentence in sentences if not _is_said(sentence, ran.complaints)} == set()


def test_every_assertion_on_a_function_can_fail(copy: Copy, tmp_path: Path) -> None:
    made = copy(tmp_path)
    _spoil(made, "terraform/modules/function", FUNCTION)
    assert made.init("modules/function").status == 0
    tests = made.root / "modules" / "function" / "tests" / "function.tftest.hcl"
    _leave_refusals_out(tests)
    sentences = _sentences(tests)
    ran = made.run("test", "-json", module="modules/function")
    assert {sentence for sentence in sentences if not _is_said(sentence, ran.complaints)} == set()


def _spoil(made: Deployment, folder: str, files: Mapping[str, Mapping[str, str]]) -> None:
    for file, changes in files.items():
        for old, new in changes.items():
            made.change(f"{folder}/{file}", old, new)


def _leave_refusals_out(file: Path) -> None:
    """Of the runs, those that assert nothing: what they expect fails as it is."""
    head, *runs = re.split(r'^(?=run ")', file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    file.write_text("".join([head, *(run for run in runs if "assert {" in run)]), encoding="utf-8")


def _sentences(file: Path) -> set[str]:
    sentences = set(re.findall(r'error_message = "(.*)"', file.read_text(encoding="utf-8")))
    assert sentences
    return sentences


def _is_said(sentence: str, complaints: set[str]) -> bool:
    """Whether a complaint begins so: what a sentence interpolates at its end is not known here."""
    return any(complaint.startswith(sentence.partition("${")[0]) for complaint in complaints)
