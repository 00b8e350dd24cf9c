"""`scripts/bootstrap`: what must be there before Terraform can be. Safe to run again."""

import argparse
import sys

from scripts.cloud.tools import Refused, gcloud, has_state_bucket, require, run, state_bucket

_HELP = """Prepare an empty Google Cloud project for its first deployment: the APIs that Terraform itself calls, a bucket for
its state, and the accounts by which Google's services use the encryption key. Run it as the project's owner; it is safe to
run again. scripts/deploy does the rest."""

APIS = (
    "cloudresourcemanager",
    "serviceusage",
    "iam",
    "storage",
    "cloudkms",
    "sqladmin",
    "secretmanager",
    "artifactregistry",
    "cloudbilling",  # which, like the next, the preflight asks
    "cloudquotas",
)
AGENTS = ("sqladmin", "secretmanager", "artifactregistry", "eventarc", "pubsub", "firestore")


def bootstrap(project: str, region: str) -> None:
    """Raises Refused."""
    require("gcloud")
    if gcloud(project, "projects", "describe", project) is None:
        raise Refused(
            f"The project {project} cannot be seen. Sign in (gcloud auth login), and check its id: gcloud projects list"
        )
    names = [f"{api}.googleapis.com" for api in (*APIS, "eventarc", "pubsub", "firestore")]
    run(["gcloud", "services", "enable", *names, f"--project={project}"])
    bucket = f"gs://{state_bucket(project)}"
    if not has_state_bucket(project):
        run(
            [
                *(
                    "gcloud",
                    "storage",
                    "buckets",
                    "create",
                    bucket,
                    f"--project={project}",
                    f"--location={region}",
                ),
                *("--uniform-bucket-level-access", "--public-access-prevention"),
            ]
        )
    run(["gcloud", "storage", "buckets", "update", bucket, "--versioning", f"--project={project}"])
    for agent in AGENTS:
        service = f"--service={agent}.googleapis.com"
        run(["gcloud", "beta", "services", "identity", "create", service, f"--project={project}"])
    print(f"{project} is ready. Next: scripts/deploy --project {project} --environment dev --shape service")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bootstrap", description=_HELP)
    parser.add_argument("--project", required=True, help="the id of the Google Cloud project")
    parser.add_argument(
        "--region", required=True, help="where Terraform's state is kept, such as europe-west1"
    )
    options = parser.parse_args(words)
    try:
        bootstrap(options.project, options.region)
    except Refused as refused:
        print(f"bootstrap: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
