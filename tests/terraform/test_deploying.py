"""Deploying, from an empty project on, in the order of scripts/deploy: the databases before the rest."""

from pathlib import Path

import pytest

from scripts.cloud.deploy import DATABASES, FIRST
from tests.terraform.conftest import Copy
from tests.terraform.deployment import IMAGE, SHAPES, Deployment, changes

pytestmark = pytest.mark.timeout(400)  # several runs of Terraform each, on a machine that may be busy

SLIPS = {
    'there is no key "secretes"': (
        "    secrets: [INDEX_KEY_FILE, SMTP_URL_FILE]",
        "    secretes: [INDEX_KEY_FILE]",
    ),
    "lower max_instances or pool in functions.yaml": ("    max_instances: 20\n", "    max_instances: 2000\n"),
    "have the same route, /v1/jwks": ("route: /v1/open_link,", "route: /v1/jwks,"),
}
"""What a plan says, and the slip in the manifest that it says it of."""


def deploy(made: Deployment, environment: str, shape: str, state: Path) -> None:
    """Deploy into what the state knows, and find that nothing is left to do."""
    targeted = [[f"-target={target}" for target in targets] for targets in (FIRST, DATABASES)]
    for words in (targeted[0], [IMAGE, *targeted[1]], [IMAGE]):
        ran = made.apply(environment, shape, state, *words)
        assert ran.status == 0, ran
    again = made.plan(environment, shape, state)
    assert (again.status, changes(again)) == (0, set()), again


@pytest.mark.parametrize(
    ("environment", "shape"),
    [
        ("prod", "functions"),
        ("prod", "service"),
        pytest.param("dev", "service", marks=pytest.mark.long),  # and dev functions below
    ],
)
def test_a_deployment_is_complete(
    deployment: Deployment, tmp_path: Path, environment: str, shape: str
) -> None:
    deploy(deployment, environment, shape, tmp_path / "state")


@pytest.mark.early
def test_a_plan_changes_with_the_sources_and_only_then(copy: Copy, tmp_path: Path) -> None:
    made, state = copy(tmp_path / "checkout"), tmp_path / "state"
    made.stage()
    deploy(made, "dev", "functions", state)
    source = made.folder / "functions" / "jwks" / "main.py"
    before = source.read_bytes()
    source.write_bytes(before + b"# changed\n")
    stale = made.plan("dev", "functions", state)
    assert stale.status == 1
    assert any("run scripts/package, then plan again" in sentence for sentence in stale.complaints), stale
    made.stage()
    assert changes(made.plan("dev", "functions", state)) == {
        ("replace", 'module.function["jwks"].google_storage_bucket_object.source'),
        ("update", 'module.function["jwks"].google_cloudfunctions2_function.function'),
    }
    source.write_bytes(before)
    for path in made.folder.glob("common/**/*.py"):
        path.touch()
    made.stage()
    assert made.plan("dev", "functions", state).status == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_a_manifest_that_is_wrong_is_refused(copy: Copy, tmp_path: Path, shape: str) -> None:
    made = copy(tmp_path / "checkout")
    for old, new in SLIPS.values():
        made.change("functions.yaml", old, new)
    ran = made.plan("dev", shape, tmp_path / "state")
    assert ran.status == 1
    for sentence in SLIPS:
        assert any(sentence in complaint for complaint in ran.complaints), ran
