"""Deploying, from an empty project on, in the order of scripts/deploy: the databases before the rest."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.cloud.deploy import DATABASES, FIRST, RIGHTS
from tests.terraform.conftest import Copy
from tests.terraform.deployment import IMAGE, SHAPES, Deployment, changes

pytestmark = pytest.mark.timeout(400)  # several runs of Terraform each, on a machine that may be busy

LATER = (
    "google_cloudfunctions2_function",
    "google_cloud_run_v2_service.",
    "google_eventarc_trigger",
    "google_cloud_scheduler_job",
)
"""What relies on the schema, which the migrations bring up to date after the databases are there."""
SLIPS = {
    'there is no key "secretes"': (
        "    secrets: [INDEX_KEY_FILE, SMTP_URL_FILE]",
        "    secretes: [INDEX_KEY_FILE]",
    ),
    "lower max_instances or pool in functions.yaml": ("    pool: 8\n", "    pool: 800\n"),
    "have the same route, /v1/jwks": ("route: /v1/open_link,", "route: /v1/jwks,"),
}
"""What a plan says, and the slip in the manifest that it says it of."""
SOME = ("sign_up", "find_keys", "jwks", "rotate_signing_key", "on_message_created")
"""Of each kind one: as functions of their own the others are applied in the same way. All of them are planned in
test_configuration.py and applied as the one service."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts in which scripts/deploy applies."""

    changes: set[tuple[str, str]]
    outputs: dict[str, Any]

    @property
    def made(self) -> set[str]:
        return {address for action, address in self.changes if action == "create"}


def deploy(made: Deployment, environment: str, shape: str, state: Path) -> list[Part]:
    """Deploy into what the state knows. Its parts: what the image and secrets are put into, the databases, the rest."""
    parts: list[Part] = []
    for words in ([], [IMAGE], [IMAGE]):
        targets: tuple[str, ...] = FIRST
        given: dict[str, object] = {}
        if len(parts) == 1:
            former = parts[0].outputs.get("grants", {})
            targets = DATABASES if former else DATABASES + RIGHTS
            given = {"former_grants": former, "postgres_users": ["postgres", *former]}
        ran = made.apply(
            environment,
            shape,
            state,
            *words,
            *(f"-var={name}={json.dumps(value)}" for name, value in given.items()),
            *(f"-target={target}" for target in targets if len(parts) < 2),
        )
        assert ran.status == 0, ran
        parts.append(Part(changes(ran), made.outputs(state)))
    return parts


def is_complete(made: Deployment, environment: str, shape: str, state: Path) -> bool:
    """Whether nothing is left to do."""
    return made.plan(environment, shape, state).status == 0


@pytest.mark.parametrize(
    ("environment", "shape"),
    [
        ("dev", "service"),
        pytest.param("dev", "functions", marks=pytest.mark.long),
        pytest.param("prod", "service", marks=pytest.mark.long),
        pytest.param("prod", "functions", marks=pytest.mark.long),
    ],
)
def test_a_deployment_is_complete(
    deployment: Deployment, tmp_path: Path, environment: str, shape: str
) -> None:
    parts = deploy(deployment, environment, shape, tmp_path / "state")
    assert_in_order(parts)
    assert is_complete(deployment, environment, shape, tmp_path / "state")
    if environment == "dev":
        assert_gone(deployment, environment, shape, tmp_path / "state")


def assert_gone(made: Deployment, environment: str, shape: str, state: Path) -> None:
    """It can be taken away, without an image."""
    ran = made.apply(environment, shape, state, "-destroy")
    assert ran.status == 0, ran
    assert json.loads(state.read_text(encoding="utf-8"))["resources"] == []


def assert_in_order(parts: list[Part]) -> None:
    """What a part names must not bring along what comes after it."""
    first, databases, rest = (part.made for part in parts)
    assert not {address for address in first if "google_sql" in address or "firestore_database" in address}
    assert not {address for address in databases if any(kind in address for kind in LATER)}
    assert {'google_cloud_run_v2_job.this["migrate"]', "google_firestore_database.main"} <= databases
    assert {address for address in databases if address.startswith("google_sql_user.account")}
    assert {address for address in rest if any(kind in address for kind in LATER)}


@pytest.mark.early
def test_a_plan_changes_with_the_sources_and_only_then(copy: Copy, tmp_path: Path) -> None:
    made, state = copy(tmp_path / "checkout"), tmp_path / "state"
    made.keep(*SOME)
    made.stage()
    assert_in_order(deploy(made, "dev", "functions", state))
    for path in made.folder.glob("common/**/*.py"):
        path.touch()
    made.stage()
    assert is_complete(made, "dev", "functions", state)
    with (made.folder / "functions" / "jwks" / "main.py").open("a") as source:
        source.write("# changed\n")
    stale = made.plan("dev", "functions", state, '-target=module.function["jwks"]')
    assert stale.status == 1
    assert any("run scripts/package, then plan again" in sentence for sentence in stale.complaints), stale
    made.stage()
    assert changes(made.plan("dev", "functions", state)) == {
        ("replace", 'module.function["jwks"].google_storage_bucket_object.source'),
        ("update", 'module.function["jwks"].google_cloudfunctions2_function.function'),
    }


@pytest.mark.early
def test_what_is_replaced_keeps_its_accounts_and_roles_until_the_rest_is_applied(
    copy: Copy, tmp_path: Path
) -> None:
    """One shape is exchanged for the other, and in the same release a function's database role for another."""
    made, state = copy(tmp_path / "checkout"), tmp_path / "state"
    made.keep(*SOME)
    made.stage()
    assert_in_order(deploy(made, "prod", "functions", state))
    made.change("functions.yaml", "database_role: messaging", "database_role: identity")
    first, databases, rest = deploy(made, "prod", "service", state)
    assert first.changes == set()
    assert databases.changes == {("update", 'google_cloud_run_v2_job.this["migrate"]')}
    assert ("delete", 'module.function["find_keys"].google_cloudfunctions2_function.function') in rest.changes
    user = "fn-find-keys@sealpost-test.iam"
    assert databases.outputs["grants"][user] == ["sealpost_identity", "sealpost_messaging"]
    assert rest.outputs["grants"][user] == ["sealpost_identity"]
    assert is_complete(made, "prod", "service", state)


def test_a_user_that_was_abandoned_is_taken_over_when_it_comes_back(
    deployment: Deployment, tmp_path: Path
) -> None:
    words = '-var=postgres_users=["postgres", "fn-jwks@other.iam", "fn-suite@sealpost-test.iam"]'
    ran = deployment.plan(
        "dev", "service", tmp_path / "state", words, '-target=google_sql_user.account["suite"]'
    )
    found = [line["change"] for line in ran.lines if line.get("type") == "planned_change"]
    assert {one["resource"]["addr"] for one in found if "importing" in one} == {
        'google_sql_user.account["suite"]'
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_a_manifest_that_is_wrong_is_refused(copy: Copy, tmp_path: Path, shape: str) -> None:
    made = copy(tmp_path / "checkout")
    for old, new in SLIPS.values():
        made.change("functions.yaml", old, new)
    ran = made.plan("dev", shape, tmp_path / "state")
    assert ran.status == 1
    for sentence in SLIPS:
        assert any(sentence in complaint for complaint in ran.complaints), ran
