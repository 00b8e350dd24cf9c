"""What may hinder a deployment, asked before it begins. Each answer is a sentence that says what to do."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scripts.cloud.bootstrap import APIS
from scripts.cloud.tools import answer, gcloud, gcloud_json, has_state_bucket, state_bucket

_TERRAFORM = (1, 11)
REGIONS = {
    "eur3": ("europe-west1", "europe-west4"),
    "nam5": ("us-central1", "us-east1"),
    "nam7": ("us-central1", "us-east4"),
}
"""Those that a multi-region of Firestore contains; terraform/variables.tf says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a deployment goes, and how much of Cloud Run it may ask for."""

    project: str
    region: str
    firestore_location: str
    cpus: int
    """Of all instances at their most."""
    ingress: str
    """How Cloud Run is reached: `all`, or `internal-and-cloud-load-balancing`."""
    apis: Sequence[str]
    """Those that Terraform switches on."""


Check = Callable[[Place], Iterator[str]]


def hindrances(place: Place) -> list[str]:
    """All of them, or those of the first few checks without which the others cannot ask."""
    for check in (_tools, _credentials, _project):
        if found := list(check(place)):
            return found
    rest: tuple[Check, ...] = (_regions, _billing, _apis, _state, _firestore, _quota, _policies)
    return [sentence for check in rest for sentence in check(place)]


def _tools(_: Place) -> Iterator[str]:
    version = re.search(r"v(\d+)\.(\d+)", answer(["terraform", "version"]) or "")
    if version is None or (int(version[1]), int(version[2])) < _TERRAFORM:
        yield "Install Terraform 1.11 or later: https://developer.hashicorp.com/terraform/install"


def _credentials(place: Place) -> Iterator[str]:
    if gcloud(place.project, "auth", "print-access-token") is None:
        yield "gcloud has no credentials. Sign in: gcloud auth login"
    if gcloud(place.project, "auth", "application-default", "print-access-token") is None:
        yield "Terraform has no credentials. Give it yours: gcloud auth application-default login"


def _project(place: Place) -> Iterator[str]:
    state = gcloud(place.project, "projects", "describe", place.project, "--format=value(lifecycleState)")
    if state is None:
        yield f"The project {place.project} cannot be seen. Check its id (gcloud projects list) and your role in it."
    elif state != "ACTIVE":
        yield f"The project {place.project} is being deleted. Restore it (gcloud projects undelete) or take another."


def _regions(place: Place) -> Iterator[str]:
    if place.region not in REGIONS.get(place.firestore_location, (place.firestore_location,)):
        yield (
            f"Functions in {place.region} get no events from Firestore in {place.firestore_location}. "
            "Set firestore_location to the region itself or to a multi-region that contains it."
        )


def _billing(place: Place) -> Iterator[str]:
    enabled = gcloud(
        place.project, "billing", "projects", "describe", place.project, "--format=value(billingEnabled)"
    )
    if enabled is None:
        yield "Whether the project has a billing account cannot be read. You need resourcemanager.projects.get on it, and the API cloudbilling."
    elif enabled != "True":
        yield (
            "The project has no billing account, without which no database is made. "
            f"Link one: gcloud billing projects link {place.project} --billing-account=ACCOUNT"
        )


def _apis(place: Place) -> Iterator[str]:
    enabled = gcloud(place.project, "services", "list", "--enabled", "--format=value(config.name)")
    if enabled is None:
        yield "The project's APIs cannot be listed. You need serviceusage.services.list on it."
        return
    missing = [api for api in APIS if f"{api}.googleapis.com" not in enabled.split()]
    if missing:
        yield f"These APIs are off: {', '.join(missing)}. Run scripts/bootstrap --project {place.project} --region {place.region}"


def _state(place: Place) -> Iterator[str]:
    if not has_state_bucket(place.project):
        yield (
            f"There is no bucket for Terraform's state, {state_bucket(place.project)}. "
            f"Run scripts/bootstrap --project {place.project} --region {place.region}"
        )


def _firestore(place: Place) -> Iterator[str]:
    found = gcloud_json(place.project, "firestore", "databases", "describe", "--database=(default)")
    if found is None:
        return
    if found.get("type") != "FIRESTORE_NATIVE":
        yield "The project's Firestore is in Datastore mode, which has no listeners. Take another project."
    elif found.get("locationId") != place.firestore_location:
        yield (
            f"The project's Firestore stands in {found.get('locationId')}, and can never be moved to {place.firestore_location}. "
            "Set firestore_location to where it is and region beside it, or take another project."
        )


def _quota(place: Place) -> Iterator[str]:
    """Cloud Run's milli-CPUs in the region. Where the quota cannot be read, Cloud Run itself will say."""
    found = gcloud_json(
        place.project,
        "beta",
        "quotas",
        "info",
        "describe",
        "CpuAllocPerProjectRegion",
        "--service=run.googleapis.com",
    )
    limits = [
        int(info["details"]["value"])
        for info in (found or {}).get("dimensionsInfos", [])
        if place.region in info.get("applicableLocations", [])
    ]
    if limits and min(limits) < place.cpus * 1000:
        yield (
            f"All instances together may take {place.cpus} CPUs in {place.region}, where Cloud Run's quota is {min(limits) // 1000}. "
            "Ask for more (IAM and admin, Quotas: CpuAllocPerProjectRegion), lower max_instances, or take shape = service."
        )


def _policies(place: Place) -> Iterator[str]:
    """Those of the organisation that the deployment would run into; Terraform would say so half an hour later."""
    if _restricts(place, "iam.allowedPolicyMemberDomains", "allUsers"):
        yield (
            "Your organisation shares with its own domains alone (iam.allowedPolicyMemberDomains), and sign-up is for everybody: "
            "have the project excepted from that policy."
        )
    if _restricts(place, "iam.disableServiceAccountCreation"):
        yield "Your organisation lets nobody make service accounts (iam.disableServiceAccountCreation), and each function is one: have the project excepted."
    needed = (
        ("run.allowedIngress", "how Cloud Run is reached", [place.ingress]),
        ("run.allowedVPCEgress", "how Cloud Run reaches a network", ["private-ranges-only"]),
        (
            "gcp.restrictServiceUsage",
            "which services are used",
            [f"{api}.googleapis.com" for api in place.apis],
        ),
        (
            "gcp.restrictNonCmekServices",
            "what Google may encrypt by keys of its own",
            ["firestore.googleapis.com"],
        ),
        ("gcp.resourceLocations", "where things stand", sorted({place.region, place.firestore_location})),
    )
    for constraint, what, values in needed:
        if refused := _restricts(place, constraint, *values):
            yield f"Your organisation restricts {what} ({constraint}): have {', '.join(refused)} allowed for the project."


def _restricts(place: Place, constraint: str, *values: str) -> list[str]:
    """Which of the values a policy of lists refuses, or the constraint itself if it is a plain one and enforced.

    A policy that cannot be read refuses nothing, nor does one that allows whole groups, whose members only Google knows:
    the deployment itself will say.
    """
    policy = gcloud_json(
        place.project,
        "resource-manager",
        "org-policies",
        "describe",
        f"constraints/{constraint}",
        "--effective",
    )
    if (policy or {}).get("booleanPolicy", {}).get("enforced"):
        return [constraint]
    rules = (policy or {}).get("listPolicy", {})
    allowed, denied = (
        [one.removeprefix("is:") for one in rules.get(f"{kind}Values", [])] for kind in ("allowed", "denied")
    )
    grouped = any(one.startswith("in:") for one in allowed)
    return [
        value
        for value in values
        if rules.get("allValues") == "DENY"
        or value in denied
        or bool(allowed and value not in allowed and not grouped)
    ]
