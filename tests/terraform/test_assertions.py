"""Every assertion of the root module's tests fails where what it asserts is not so.

The manifest, the environment and the configuration are spoiled in as many ways as there are assertions.
"""

import re

import pytest

from tests.terraform.conftest import Copy
from tests.terraform.deployment import Deployment

MANIFEST = {
    "  list_audit:\n": "  list_acts:\n",
    "{http: {route: /v1/jwks, method: GET}}": "{schedule: {route: /v1/keys, cron: 0 0 * * *, time_zone: Etc/UTC}}",
    "{schedule: {route: /v1/daily_backup, cron: 15 3 * * *, time_zone: Etc/UTC}}": "{http: {route: /v1/daily_backup, method: POST}}",
    "document: conversations/{cid}/messages/{mid}": "document: conversations/{cid}",
    "{http: {route: /v1/name_session, method: POST}}": "{firestore: {event: google.cloud.firestore.document.v1.deleted, document: names}}",
    "    rotates: [SIGNING_KEYS_FILE, VERIFICATION_KEYS_FILE]\n": "    rotates: [INDEX_KEY_FILE]\n",
    "    secrets: [INDEX_KEY_FILE, ": "    secrets: [",
}
"""What stands in functions.yaml, and what stands there once it is spoiled. The tests compare with the true one."""

CONFIGURATION = {
    "modules/manifest/main.tf": {
        'deployed_name      = replace(name, "_", "-")': 'deployed_name      = "x-${name}"'
    },
    "functions.tf": {
        'for_each = var.shape == "functions" ? module.manifest.functions : {}': "for_each = module.manifest.functions",
        "coalesce(var.domain, ": 'coalesce("elsewhere.example", ',
    },
    "service.tf": {
        'one   = var.shape == "service" ? toset(["suite"]) : toset([])': 'one   = toset(["suite"])',
        'var.domain == null ? "INGRESS': 'var.domain != null ? "INGRESS',
        '["roles/iam.serviceAccountTokenCreator"],\n': "[],\n",
    },
    "postgres.tf": {
        "ipv4_enabled       = false": "ipv4_enabled       = true",
        '"TRUSTED_CLIENT_CERTIFICATE_REQUIRED"': '"ENCRYPTED_ONLY"',
        '"cloudsql.iam_authentication"         = "on"': '"cloudsql.iam_authentication"         = "off"',
        '= "ddl"': '= "all"',
        "point_in_time_recovery_enabled = true": "point_in_time_recovery_enabled = false",
        '"CLOUD_IAM_SERVICE_ACCOUNT"': '"CLOUD_IAM_USER"',
    },
    "firestore.tf": {'"POINT_IN_TIME_RECOVERY_ENABLED"': '"POINT_IN_TIME_RECOVERY_DISABLED"'},
}
"""The same of the configuration's files."""


@pytest.fixture(scope="module")
def spoiled(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    made = copy(tmp_path_factory.mktemp("spoiled"))
    for file, changes in CONFIGURATION.items():
        for old, new in changes.items():
            made.change(f"terraform/{file}", old, new)
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
    text = (spoiled.root / "tests" / f"{file}.tftest.hcl").read_text(encoding="utf-8")
    sentences = set(re.findall(r'error_message = "(.*)"', text))
    assert sentences
    ran = spoiled.test(f"{file}.tftest.hcl", "dev", checkout=str(elsewhere.folder))
    assert sentences - ran.complaints == set(), ran.complaints - sentences
