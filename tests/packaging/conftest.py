from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.suite.manifest import Manifest
from scripts.local.layout import ROOT, Layout
from scripts.local.packaging import stage
from scripts.local.processes import Processes
from scripts.local.stack import DATABASE, Backing, suite_environment
from tests.packaging.deployed import install, served

Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    return Manifest.read(ROOT)


@pytest.fixture(scope="session")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All functions of this checkout, staged outside of it."""
    folder = tmp_path_factory.mktemp("staging")
    stage(ROOT, folder)
    return folder


@pytest.fixture(scope="session")
def python_version() -> str:
    """The deployed one, such as 3.11."""
    stated: dict[str, Any] = yaml.safe_load((ROOT / "functions.yaml").read_text(encoding="utf-8"))
    return str(stated["python"])


@pytest.fixture(scope="session")
def python(layout: Layout, manifest: Manifest, staging: Path, python_version: str) -> Path:
    """The Python of the deployed environment. All functions have the same requirements, as test_staging finds."""
    requirements = staging / manifest.functions[0].name / "requirements.txt"
    return install(layout, python_version, requirements, layout.cache)


@pytest.fixture(scope="session")
def serve(layout: Layout, backing: Backing, manifest: Manifest, processes: Processes, python: Path) -> Serve:
    """Serves a staged folder, with the tests' parts in the place of the cloud and `settings` that overrule; gives its URL."""
    dsn = backing.postgres.dsn(DATABASE)
    whole = suite_environment(layout, backing, project="demo-packaging", dsn=dsn, url="http://127.0.0.1:1")
    common = {name: value for name, value in whole.items() if name != "PYTHONPATH"} | manifest.environment

    def one(folder: Path, **settings: str) -> AbstractContextManager[str]:
        return served(processes, python, folder, common | settings)

    return one
