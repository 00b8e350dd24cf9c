"""The parts in which scripts/deploy applies name what is there. Their order is tried in test_deploying.py."""

import pytest

from scripts.cloud.deploy import DATABASES, FIRST, RIGHTS
from tests.terraform.deployment import Deployment


@pytest.mark.parametrize("target", [*FIRST, *DATABASES, *RIGHTS])
def test_what_is_named_is_there(deployment: Deployment, target: str) -> None:
    """Terraform takes a target that is misspelt for one of which there is nothing to do."""
    kind, _, name = target.partition(".")
    sources = [path.read_text(encoding="utf-8") for path in deployment.root.glob("*.tf")]
    assert any(f'resource "{kind}" "{name}"' in source for source in sources)
