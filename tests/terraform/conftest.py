from collections.abc import Callable
from pathlib import Path

import pytest

from tests.needs import lack, need
from tests.terraform.deployment import Deployment

Copy = Callable[[Path], Deployment]


@pytest.fixture(scope="session")
def copy() -> Copy:
    """Makes a copy to deploy from in a new folder, whose providers are there."""
    program = need("terraform")

    def one(folder: Path) -> Deployment:
        made = Deployment.copy(folder, program)
        ran = made.init()
        if ran.status:
            lack("terraform", f"It is there, but not what it needs:\n{ran.said}")
        return made

    return one


@pytest.fixture(scope="session")
def deployment(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A copy of this checkout, staged, which no test changes."""
    made = copy(tmp_path_factory.mktemp("deployment"))
    made.stage()
    return made
