"""The parts in which scripts/deploy applies: what a part names must not bring along what comes after it."""

import pytest

from scripts.cloud.deploy import DATABASES, FIRST
from tests.terraform.deployment import IMAGE, SHAPES, Deployment, changes

LATER = (
    "google_cloudfunctions2_function",
    "google_cloud_run_v2_service.",
    "google_eventarc_trigger",
    "google_cloud_scheduler_job",
)
"""What relies on the schema, which the migrations bring up to date after the databases are there."""


def planned(deployment: Deployment, shape: str, targets: tuple[str, ...], *more: str) -> set[str]:
    """What a part would make in an empty project."""
    given = {"project": "sealpost-test", **SHAPES[shape]}
    words = [f"-var={name}={value}" for name, value in given.items()] + [
        f"-target={target}" for target in targets
    ]
    ran = deployment.run("plan", "-json", "-lock=false", "-var-file=prod.tfvars", *words, *more)
    assert ran.status == 0, ran
    return {address for action, address in changes(ran) if action == "create"}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_databases_come_without_what_relies_on_them(deployment: Deployment, shape: str) -> None:
    first = planned(deployment, shape, FIRST)
    assert not {address for address in first if "google_sql" in address or "firestore_database" in address}
    databases = planned(deployment, shape, DATABASES, f"-var=image={IMAGE}")
    assert not {address for address in databases if any(kind in address for kind in LATER)}
    assert {'google_cloud_run_v2_job.this["migrate"]', "google_firestore_database.main"} <= databases
    assert {address for address in databases if address.startswith("google_sql_user.account")}


@pytest.mark.parametrize("target", [*FIRST, *DATABASES])
def test_what_is_named_is_there(deployment: Deployment, target: str) -> None:
    """Terraform takes a target that is misspelt for one of which there is nothing to do."""
    kind, _, name = target.partition(".")
    sources = [path.read_text(encoding="utf-8") for path in deployment.root.glob("*.tf")]
    assert any(f'resource "{kind}" "{name}"' in source for source in sources)
