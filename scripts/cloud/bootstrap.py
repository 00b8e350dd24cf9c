"""`scripts/bootstrap`: what must be there before Terraform can be. Safe to run again."""

import argparse
import sys

from scripts.cloud.tools import Refused, deployer, gcloud, has_state_bucket, require, run, state_bucket

_HELP = """Prepare an empty Google Cloud project for its first deployment: the APIs that Terraform itself calls, a bucket for
its state, the accounts of Google's services, and the account `deployer`, which you may then deploy as. Run it as the
project's owner; it is safe to run again. scripts/deploy does the rest."""

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
    "iamcredentials",  # by which one account acts as another
)
AGENTS = ("sqladmin", "secretmanager", "artifactregistry", "eventarc", "pubsub", "firestore")

AGENT_ROLES = {
    "gcp-sa-artifactregistry": "roles/artifactregistry.serviceAgent",
    "gcp-sa-cloud-sql": "roles/cloudsql.serviceAgent",
    "gcp-sa-eventarc": "roles/eventarc.serviceAgent",
    "gcp-sa-pubsub": "roles/pubsub.serviceAgent",
}
"""What Google grants an agent which it makes by itself, and not one that was asked for."""
DEPLOYER_ROLES = (
    "artifactregistry.admin",
    "browser",
    "cloudbuild.builds.editor",
    "cloudfunctions.admin",
    "cloudkms.admin",
    "cloudquotas.viewer",
    "cloudscheduler.admin",
    "cloudsql.admin",
    "compute.networkAdmin",
    "compute.securityAdmin",
    "datastore.owner",
    "eventarc.admin",
    "firebaseauth.admin",
    "firebaserules.admin",
    "iam.roleAdmin",
    "iam.serviceAccountAdmin",
    "iam.serviceAccountUser",
    "identityplatform.admin",
    "logging.configWriter",
    "logging.viewer",
    "resourcemanager.projectIamAdmin",
    "run.admin",
    "secretmanager.admin",
    "servicenetworking.networksAdmin",
    "serviceusage.apiKeysAdmin",
    "serviceusage.serviceUsageAdmin",
    "storage.admin",
)
"""What a deployment takes. With the administration of the project's policy it could make itself the owner: who may
deploy is to be trusted as one."""
_QUIETLY = ("--condition=None", "--format=none", "--quiet")


def bootstrap(project: str, region: str) -> None:
    """Raises Refused."""
    require("gcloud")
    number = gcloud(project, "projects", "describe", project, "--format=value(projectNumber)")
    if number is None:
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
    run(["gcloud", "storage", "service-agent", f"--project={project}"])
    for agent, role in AGENT_ROLES.items():
        _grant(project, f"service-{number}@{agent}.iam.gserviceaccount.com", role)
    _make_deployer(project)
    print(f"{project} is ready. Next: scripts/deploy --project {project} --environment dev --shape service")


def _make_deployer(project: str) -> None:
    """The account that a deployment runs as where a person's own rights are not to be relied on."""
    email = deployer(project)
    account = f"--project={project}"
    if not gcloud(
        project, "iam", "service-accounts", "list", f"--filter=email={email}", "--format=value(email)"
    ):
        run(["gcloud", "iam", "service-accounts", "create", "deployer", "--display-name=Deploys", account])
    for role in DEPLOYER_ROLES:
        _grant(project, email, f"roles/{role}")
    person = gcloud(project, "config", "get-value", "account")
    if not person:
        raise Refused("gcloud knows no account: gcloud auth login")
    kind = "serviceAccount" if person.endswith(".gserviceaccount.com") else "user"
    words = ["gcloud", "iam", "service-accounts", "add-iam-policy-binding", email, account]
    run([*words, f"--member={kind}:{person}", "--role=roles/iam.serviceAccountTokenCreator", *_QUIETLY])


def _grant(project: str, email: str, role: str) -> None:
    words = ["gcloud", "projects", "add-iam-policy-binding", project, f"--member=serviceAccount:{email}"]
    run([*words, f"--role={role}", *_QUIETLY])


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
