"""gcloud and terraform, as the scripts of a deployment call them."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"


PAUSES = (60, 120, 180)
"""Seconds between attempts: Google says that a permission may take seven minutes to take effect, and mostly two."""


class Refused(Exception):
    """A deployment cannot go on. The message is a sentence, and what to do."""


def run(words: Sequence[str], *, cwd: Path = ROOT, given: str | None = None) -> None:
    """Run a command whose output a person follows.

    Raises:
        Refused: it failed, after saying why by itself.
    """
    if subprocess.run(words, cwd=cwd, input=given, text=True, check=False).returncode != 0:
        raise Refused(f"`{' '.join(words[:4])} ...` failed; what it says is above.")


def answer(words: Sequence[str], *, cwd: Path = ROOT) -> str | None:
    """What a command prints; None if it fails."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def patiently(attempt: Callable[[], None]) -> None:
    """Try again after some pauses, since what was granted in this deployment may not have taken effect yet.

    Raises:
        Refused: the last attempt was.
    """
    for pause in PAUSES:
        try:
            return attempt()
        except Refused as refused:
            print(
                f"{refused}\nA permission that was just granted may need minutes to take effect. Trying again in {pause} seconds."
            )
            time.sleep(pause)
    return attempt()


def gcloud(project: str, *words: str) -> str | None:
    return answer(["gcloud", *words, f"--project={project}", "--quiet"])


def gcloud_json(project: str, *words: str) -> Any:
    """What gcloud answers, or None if it fails."""
    text = gcloud(project, *words, "--format=json")
    return json.loads(text) if text else None


def require(*names: str) -> None:
    cures = {
        "gcloud": "Install the Google Cloud CLI: https://cloud.google.com/sdk/docs/install",
        "terraform": "Install Terraform 1.11 or later: https://developer.hashicorp.com/terraform/install",
    }
    for name in names:
        if shutil.which(name) is None:
            raise Refused(f"There is no {name} on the PATH. {cures[name]}")


def state_bucket(project: str) -> str:
    """Where Terraform's state of a project stands."""
    return f"{project}-terraform"


def deployer(project: str) -> str:
    """The account that scripts/bootstrap makes to deploy as."""
    return f"deployer@{project}.iam.gserviceaccount.com"


def has_state_bucket(project: str) -> bool:
    """Whether the project has it. A bucket's name is the whole world's, and one of that name may be a stranger's."""
    name = state_bucket(project)
    return (
        gcloud(project, "storage", "buckets", "list", f"--filter=name={name}", "--format=value(name)") == name
    )
