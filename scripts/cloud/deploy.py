"""`scripts/deploy`: everything that a deployment takes, in the order that it takes it. Safe to run again."""

import argparse
import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import yaml

from scripts.cloud.identity import protect_addresses
from scripts.cloud.preflight import Place, hindrances
from scripts.cloud.secrets import destroy_old_versions, make_first_versions
from scripts.cloud.tools import (
    ROOT,
    TERRAFORM,
    Refused,
    answer,
    deployer,
    gcloud,
    patiently,
    require,
    run,
    state_bucket,
)
from scripts.local.packaging import stage

_HELP = """Deploy the suite to a Google Cloud project that scripts/bootstrap has prepared: look for what hinders it, stage the
functions, build the image, make the first secrets, apply the databases, run the migrations, apply the rest, revoke what
it no longer needs, and send a message through it by the real client. Terraform shows what it is about to do and asks. Settings beyond the arguments go
into terraform/terraform.tfvars."""

FIRST = (
    "google_artifact_registry_repository.suite",
    "google_artifact_registry_repository_iam_member.builder",
    "google_project_iam_member.builder_logs",
    "google_project_iam_member.builder_reads_copies",
    "google_storage_bucket_iam_member.builder",
    "google_secret_manager_secret.this",
)
"""What the image and the secrets are put into."""
DATABASES = (
    "google_firestore_database.main",
    "google_sql_database.main",
    "google_sql_user.account",
    "google_sql_user.owner",
    "google_cloud_run_v2_job.this",
)
"""What the migrations need: they come before the functions that rely on them."""
IMPERSONATED = ("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT")
"""Where gcloud and Terraform, its state's bucket included, read whom they act as."""
RIGHTS = (
    "google_project_iam_member.suite",
    "google_service_account_iam_member.suite_signs",
    "google_secret_manager_secret_iam_member.suite_reads",
    "google_secret_manager_secret_iam_member.rotates",
)
"""What the suite may do. A first deployment grants it with the databases, since it takes minutes to take effect; later
ones with the rest, which takes nothing away from what still runs."""
IMAGE = (".dockerignore", "requirements.txt", "functions.yaml", "deploy/Dockerfile", "common", "functions")
"""What goes into the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    project: str
    environment: str
    shape: str
    domain: str | None
    unasked: bool
    as_deployer: bool = False

    def run(self) -> None:
        """Raises Refused."""
        require("gcloud", "terraform")
        if self.as_deployer:
            for name in IMPERSONATED:
                os.environ[name] = deployer(self.project)
        print("Preflight: looking for what may hinder the deployment.")
        place = self._place()
        if found := hindrances(place):
            raise Refused("\n  ".join(["this must be mended first:", *found]))
        stage(ROOT, ROOT / "build" / "functions")
        backend = [f"-backend-config=bucket={state_bucket(self.project)}", "-backend-config=prefix=sealpost"]
        self._terraform("init", "-input=false", "-reconfigure", *backend)
        self._apply(None, FIRST)
        outputs = self._outputs()
        image = self._image(outputs)
        make_first_versions(self.project, outputs["secrets"])
        users = self._postgres_users()
        former = {user: roles for user, roles in outputs.get("grants", {}).items() if user in users}
        targets = DATABASES if users else DATABASES + RIGHTS
        self._apply(image, targets, former_grants=former, postgres_users=users)
        self._migrate(place.region)
        self._apply(image)
        self._migrate(place.region)  # revokes what the old deployment had and this one has not
        protect_addresses(self.project)
        destroy_old_versions(self.project, outputs["secrets"])
        self._smoke(self._outputs()["service_url"])

    def _place(self) -> Place:
        """Read from the environment's file: Terraform has not looked at it yet."""
        text = (TERRAFORM / f"{self.environment}.tfvars").read_text(encoding="utf-8")
        settings = dict(re.findall(r'^(\w+)\s*=\s*"?([^"\s]+)', text, re.MULTILINE))
        most = int(settings.get("most_instances", sys.maxsize))
        functions = yaml.safe_load((ROOT / "functions.yaml").read_text(encoding="utf-8"))
        entries = [functions["defaults"] | entry for entry in functions["functions"].values()]
        cpus = [int(entry["cpu"]) * min(int(entry["max_instances"]), most) for entry in entries]
        return Place(
            project=self.project,
            region=settings["region"],
            firestore_location=settings["firestore_location"],
            cpus=sum(cpus) if self.shape == "functions" else max(cpus),
            ingress="internal-and-cloud-load-balancing" if self.domain else "all",
            apis=_apis(),
        )

    def _terraform(self, *words: str) -> None:
        run(["terraform", *words], cwd=TERRAFORM)

    def _apply(self, image: str | None, targets: tuple[str, ...] = (), **more: object) -> None:
        given = {
            "project": self.project,
            "shape": self.shape,
            **({"domain": self.domain} if self.domain else {}),
            **({"image": image} if image else {}),
            **{name: json.dumps(value) for name, value in more.items()},
        }
        self._terraform(
            "apply",
            *(["-input=false", "-auto-approve"] if self.unasked else []),
            f"-var-file={self.environment}.tfvars",
            *(f"-var={name}={value}" for name, value in given.items()),
            *(f"-target={target}" for target in targets),
        )

    def _migrate(self, region: str) -> None:
        run([str(ROOT / "scripts" / "migrate"), "--project", self.project, "--region", region])

    def _postgres_users(self) -> list[str]:
        """Those of the instance; none if there is none yet."""
        if not self._listed("sql", "instances", "list", "--filter=name=sealpost"):
            return []
        return self._listed("sql", "users", "list", "--instance=sealpost")

    def _listed(self, *words: str, field: str = "name") -> list[str]:
        """What gcloud lists: nothing is another answer than none."""
        found = gcloud(self.project, *words, f"--format=value({field})")
        if found is None:
            raise Refused(
                f"`gcloud {' '.join(words[:4])} ...` is refused. Run it to see why, then this again."
            )
        return found.split()

    def _outputs(self) -> dict[str, Any]:
        text = answer(["terraform", "output", "-json"], cwd=TERRAFORM)
        if text is None:
            raise Refused("Terraform's outputs cannot be read. Was the last apply refused?")
        return {name: output["value"] for name, output in json.loads(text).items()}

    def _image(self, outputs: dict[str, Any]) -> str:
        """Build the image of these sources, unless the registry has this week's. Its name by digest."""
        tagged = f"{outputs['repository']}:{contents()}-{datetime.now(UTC):%G-w%V}"
        if self._digest(tagged) is None:
            words = [
                *("gcloud", "builds", "submit", str(ROOT), f"--project={self.project}", "--quiet"),
                f"--config={ROOT / 'deploy' / 'cloudbuild.yaml'}",
                f"--substitutions=_IMAGE={tagged}",
                f"--gcs-source-staging-dir={outputs['builds']}/sources",
                f"--service-account={outputs['builder']}",
                f"--region={outputs['repository'].split('-docker.')[0]}",
            ]
            patiently(lambda: run(words))
        digest = self._digest(tagged)
        if digest is None:
            raise Refused(f"The image was built but is not in the registry: {tagged}")
        return f"{outputs['repository']}@{digest}"

    def _digest(self, tagged: str) -> str | None:
        image, _, tag = tagged.rpartition(":")
        listing = ("artifacts", "docker", "images", "list", image, "--include-tags", f"--filter=tags:{tag}")
        return next(iter(self._listed(*listing, field="version")), None)

    def _smoke(self, service: str) -> None:
        from scripts.cloud.smoke import (
            code_of,
            smoke,
        )  # imports the client, which a refused deployment needs not

        operator = gcloud(self.project, "config", "get-value", "account")
        if not operator or "@" not in operator:
            raise Refused("The smoke test mails to you, and gcloud knows no account: gcloud auth login")
        if self.domain and not _answers(service):
            print(
                f"{service} does not answer yet: the functions are reached through a load balancer alone. "
                "When it stands, run scripts/deploy again for the smoke test."
            )
            return
        print(f"Smoke test: two new people, one message, through {service}.")
        patiently(lambda: smoke(service, operator, lambda address: code_of(self.project, address)))
        print("The message arrived. The deployment works.")


def _answers(service: str) -> bool:
    try:
        httpx.get(service, timeout=10)
    except httpx.HTTPError:
        return False
    return True


def _apis() -> list[str]:
    """Those that Terraform switches on."""
    text = (TERRAFORM / "services.tf").read_text(encoding="utf-8")
    return re.findall(r'"(\w+)"', text.partition("apis = [")[2].partition("]")[0])


def contents() -> str:
    """A name that changes with what goes into the image and with nothing else."""
    digest = hashlib.sha256()
    for name in IMAGE:
        place = ROOT / name
        files = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
        for path in files:
            if "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT).as_posix()}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/deploy", description=_HELP)
    parser.add_argument("--project", required=True, help="the id of the Google Cloud project")
    parser.add_argument("--environment", required=True, choices=["dev", "prod"], help="which .tfvars file")
    parser.add_argument(
        "--shape",
        required=True,
        choices=["functions", "service"],
        help="a service a function, or one for all",
    )
    parser.add_argument("--domain", help="the name that clients use, which leads to a load balancer")
    parser.add_argument("--yes", action="store_true", help="do not ask before applying")
    parser.add_argument(
        "--as-deployer", action="store_true", help="act as the account that scripts/bootstrap made"
    )
    options = parser.parse_args(words)
    deployment = Deployment(
        project=options.project,
        environment=options.environment,
        shape=options.shape,
        domain=options.domain,
        unasked=options.yes,
        as_deployer=options.as_deployer,
    )
    try:
        deployment.run()
    except Refused as refused:
        print(f"deploy: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
