"""A checkout to deploy from, outside of this one: what Terraform reads, staged, and what may be changed in it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.local.layout import ROOT
from scripts.local.packaging import stage

READ = ("common", "functions", "terraform")
READ_FILES = (
    "functions.yaml",
    "requirements.txt",
    "firestore.rules",
    "firestore.indexes.json",
    "firebase.json",
)
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".terraform", ".terraform.lock.hcl", "*.zip", "*.tfstate*")

IMAGE = f"-var=image=europe-west1-docker.pkg.dev/sealpost-test/sealpost/suite@sha256:{'0' * 64}"
SHAPES: Mapping[str, Mapping[str, str]] = {
    "functions": {"shape": "functions", "domain": "chat.example.com"},
    "service": {"shape": "service"},
}


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    printed: str
    said: str
    """On standard error, the lines not wrapped."""

    def __str__(self) -> str:
        return f"status {self.status}\n{self.printed}\n{self.said}"

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was printed with -json."""
        return [json.loads(line) for line in self.printed.splitlines()]

    @property
    def complaints(self) -> set[str]:
        """The errors of a run with -json, each sentence of a precondition or an assertion by itself."""
        found = [line["diagnostic"] for line in self.lines if line.get("type") == "diagnostic"]
        errors = [one for one in found if one["severity"] == "error"]
        return {sentence for one in errors for sentence in one["detail"].splitlines()}


@dataclass(frozen=True, slots=True)
class Deployment:
    """A folder with a copy of all that a deployment is made from."""

    folder: Path
    program: str

    @classmethod
    def copy(cls, folder: Path, program: str) -> "Deployment":
        """Copy this checkout, but for what a run of Terraform leaves there."""
        for name in READ:
            shutil.copytree(ROOT / name, folder / name, ignore=_LEFT_OUT)
        for name in READ_FILES:
            shutil.copyfile(ROOT / name, folder / name)
        # The state is a local file here: the bucket that scripts/bootstrap makes is in a cloud.
        (folder / "terraform" / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        return cls(folder, program)

    @property
    def root(self) -> Path:
        """The root module."""
        return self.folder / "terraform"

    def stage(self) -> None:
        stage(self.folder, self.folder / "build" / "functions")

    def change(self, path: str, old: str, new: str) -> None:
        """Put `new` wherever `old` stands in a file."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text, (
            f"{path} does not hold {old!r} any more: what was to be spoiled there is elsewhere now."
        )
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def keep(self, *functions: str) -> None:
        """Leave all other functions out of the manifest."""
        path = self.folder / "functions.yaml"
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        manifest["functions"] = {name: manifest["functions"][name] for name in functions}
        path.write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")

    def run(self, *words: str, module: str = "") -> Ran:
        """Run Terraform in the root module, or in one below it."""
        done = subprocess.run(  # noqa: S603 - the program that the tests are about
            [self.program, *words],
            cwd=self.root / module,
            env=os.environ
            | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "NO_COLOR": "1"}
            | {
                "GOGC": "400"
            },  # memory for time: a third of it goes into collecting what ends with the process
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def init(self, module: str = "") -> Ran:
        return self.run("init", "-no-color", module=module)

    def test(self, file: str, environment: str, **given: str) -> Ran:
        """Run one file of the root module's tests."""
        return self.run(
            "test", "-json", f"-filter=tests/{file}", f"-var-file={environment}.tfvars", *_given(given)
        )

    def apply(self, environment: str, shape: str, state: Path, *words: str) -> Ran:
        return self.run("apply", "-auto-approve", "-json", *words, *_arguments(environment, shape, state))

    def plan(self, environment: str, shape: str, state: Path, *words: str) -> Ran:
        """Status 0: nothing to change; 2: something."""
        how = ("plan", "-detailed-exitcode", "-json", IMAGE)
        return self.run(*how, *words, *_arguments(environment, shape, state))

    def outputs(self, state: Path) -> dict[str, Any]:
        ran = self.run("output", "-json", f"-state={state}")
        return {name: output["value"] for name, output in json.loads(ran.printed).items()}


def changes(ran: Ran) -> set[tuple[str, str]]:
    """What a plan would do: the actions, each with its resource's address."""
    found = [line["change"] for line in ran.lines if line.get("type") == "planned_change"]
    return {(one["action"], one["resource"]["addr"]) for one in found}


def _arguments(environment: str, shape: str, state: Path) -> list[str]:
    given = {"project": "sealpost-test", **SHAPES[shape]}
    return [f"-state={state}", f"-var-file={environment}.tfvars", *_given(given)]


def _given(variables: Mapping[str, str]) -> list[str]:
    return [f"-var={name}={value}" for name, value in variables.items()]
