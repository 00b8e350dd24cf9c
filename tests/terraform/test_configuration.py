"""The configuration as it stands: its form, and what its own tests say of it."""

import re
import subprocess
from pathlib import Path

import pytest

from scripts.local.layout import ROOT
from tests.needs import need
from tests.terraform.conftest import Copy
from tests.terraform.deployment import Deployment

MODULES = ("modules/manifest", "modules/function")


def test_it_is_formatted(deployment: Deployment) -> None:
    ran = deployment.run("fmt", "-check", "-recursive")
    assert ran.status == 0, ran


@pytest.mark.parametrize("module", ["", *MODULES])
def test_it_is_valid(deployment: Deployment, module: str) -> None:
    deployment.init(module)
    ran = deployment.run("validate", "-no-color", module=module)
    assert ran.status == 0, ran


@pytest.mark.parametrize("module", MODULES)
def test_a_module_passes_its_tests(deployment: Deployment, module: str) -> None:
    deployment.init(module)
    ran = deployment.run("test", "-no-color", module=module)
    assert ran.status == 0, ran


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ("dev", "functions.tftest.hcl"),
        ("prod", "functions.tftest.hcl"),
        ("dev", "service.tftest.hcl"),
        ("prod", "service.tftest.hcl"),
        ("dev", "postgres.tftest.hcl"),
        ("prod", "postgres.tftest.hcl"),
        ("prod", "production.tftest.hcl"),
    ],
)
def test_the_root_passes_its_tests(deployment: Deployment, environment: str, file: str) -> None:
    ran = deployment.test(file, environment)
    assert ran.status == 0, ran


def test_no_file_of_tests_is_forgotten(deployment: Deployment) -> None:
    (mark,) = (mark for mark in test_the_root_passes_its_tests.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    assert {path.name for path in (deployment.root / "tests").iterdir()} == {file for _, file in mark.args[1]}


def test_what_is_wrong_is_found(copy: Copy, tmp_path: Path) -> None:
    wrong = copy(tmp_path)
    wrong.change(
        "terraform/modules/function/variables.tf",
        '  type        = string\n}\n\nvariable "project"',
        '  type = strings\n}\n\nvariable "project"',
    )
    assert wrong.run("fmt", "-check", "-recursive").printed.split() == ["modules/function/variables.tf"]
    ran = wrong.run("validate", "-no-color")
    assert ran.status == 1
    assert "strings" in ran.said


def test_metrics_are_of_numbers_that_are_told() -> None:
    terms = (ROOT / "terraform" / "metrics.tf").read_text(encoding="utf-8")
    metrics = re.findall(r"^    (\w+) += \{ unit", terms, re.MULTILINE)
    told = (ROOT / "common" / "backups" / "service.py").read_text(encoding="utf-8")
    (gauges,) = re.findall(r"log_gauges\((.+)\)", told)
    assert sorted(metrics) == sorted(re.findall(r"(\w+)=", gauges))


def test_jobs_are_programs() -> None:
    jobs = (ROOT / "terraform" / "jobs.tf").read_text(encoding="utf-8")
    modules = re.findall(r'module += "([\w.]+)"', jobs)
    assert modules
    for module in modules:
        program = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert '__name__ == "__main__"' in program


def test_checkov_has_no_complaint(deployment: Deployment) -> None:
    """Of its own rules, with nothing fetched. What is excused is excused where it stands, with the reason."""
    checkov = need("checkov")
    words = (
        "--directory",
        deployment.root,
        "--framework",
        "terraform",
        "--skip-download",
        "--quiet",
        "--compact",
    )
    done = subprocess.run([checkov, *words], capture_output=True, text=True, check=False)  # noqa: S603 - a checker
    assert done.returncode == 0, done.stdout


def test_whatever_is_excused_has_a_reason(deployment: Deployment) -> None:
    skips = [
        line.strip()
        for path in deployment.root.rglob("*.tf")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "checkov:skip" in line
    ]
    assert [
        skip for skip in skips if not re.fullmatch(r"# checkov:skip=CKV2?_GCP_[0-9]+: ?[A-Z].{10,}\.", skip)
    ] == []
