"""Whatever hinders a deployment is a sentence with its cure, before anything is changed."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.cloud.bootstrap import APIS
from scripts.cloud.preflight import REGIONS, Place, hindrances
from scripts.cloud.tools import TERRAFORM
from tests.local.cloud import Cloud

PLACE = Place(
    project="sealpost-test",
    region="europe-west1",
    firestore_location="eur3",
    cpus=40,
    ingress="internal-and-cloud-load-balancing",
    apis=["run", "sqladmin"],
)
NO = (1, "")
GOOD: dict[str, tuple[int, str]] = {
    "terraform version": (0, "Terraform v1.11.4"),
    "projects describe sealpost-test --format=value(lifecycleState)": (0, "ACTIVE"),
    "billing projects describe": (0, "True"),
    "services list": (0, "\n".join(f"{api}.googleapis.com" for api in APIS)),
    "storage buckets list": (0, "sealpost-test-terraform"),
    "firestore databases": NO,
    "quotas info": NO,
    "org-policies": NO,
}


def quota(milli: int, region: str = "europe-west1") -> tuple[int, str]:
    infos = [{"applicableLocations": [region], "details": {"value": str(milli)}}]
    return 0, json.dumps({"dimensionsInfos": infos})


def policy(**rules: object) -> tuple[int, str]:
    return 0, json.dumps({"listPolicy": rules})


CASES: list[tuple[dict[str, tuple[int, str]], str]] = [
    ({"terraform version": (0, "Terraform v1.10.9")}, "Install Terraform 1.11 or later"),
    ({"auth print-access-token": NO}, "gcloud auth login"),
    ({"auth application-default": NO}, "gcloud auth application-default login"),
    ({"lifecycleState": NO}, "The project sealpost-test cannot be seen"),
    ({"lifecycleState": (0, "DELETE_REQUESTED")}, "is being deleted"),
    ({"billing projects describe": (0, "False")}, "no billing account"),
    ({"billing projects describe": NO}, "Whether the project has a billing account cannot be read"),
    ({"services list": NO}, "The project's APIs cannot be listed"),
    ({"services list": (0, "iam.googleapis.com")}, "These APIs are off: cloudresourcemanager"),
    ({"storage buckets list": (0, "")}, "sealpost-test-terraform. Run scripts/bootstrap"),
    ({"firestore databases": (0, '{"type": "DATASTORE_MODE"}')}, "Datastore mode"),
    (
        {"firestore databases": (0, '{"type": "FIRESTORE_NATIVE", "locationId": "nam5"}')},
        "stands in nam5, and can never be moved to eur3",
    ),
    ({"quotas info": quota(39_999)}, "may take 40 CPUs in europe-west1, where Cloud Run's quota is 39"),
    ({"allowedPolicyMemberDomains": policy(allowedValues=["C01abc"])}, "excepted from that policy"),
    ({"allowedPolicyMemberDomains": policy(allValues="DENY")}, "excepted from that policy"),
    (
        {"run.allowedIngress": policy(allowedValues=["internal"])},
        "have internal-and-cloud-load-balancing allowed",
    ),
    (
        {"run.allowedIngress": policy(deniedValues=[PLACE.ingress])},
        "have internal-and-cloud-load-balancing allowed",
    ),
    ({"run.allowedVPCEgress": policy(allowedValues=["all-traffic"])}, "have private-ranges-only allowed"),
    (
        {"iam.disableServiceAccountCreation": (0, '{"booleanPolicy": {"enforced": true}}')},
        "lets nobody make service accounts",
    ),
    (
        {"gcp.restrictServiceUsage": policy(deniedValues=["is:sqladmin.googleapis.com"])},
        "have sqladmin.googleapis.com allowed",
    ),
    (
        {"gcp.restrictNonCmekServices": policy(deniedValues=["is:firestore.googleapis.com"])},
        "have firestore.googleapis.com allowed",
    ),
    ({"gcp.resourceLocations": policy(allowedValues=["europe-west1"])}, "have eur3 allowed"),
]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud.on_path(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return cloud


@pytest.mark.parametrize(("answers", "sentence"), CASES)
def test_what_hinders_is_said(cloud: Cloud, answers: dict[str, tuple[int, str]], sentence: str) -> None:
    cloud.answers(answers | {call: answer for call, answer in GOOD.items() if call not in answers})
    (found,) = hindrances(PLACE)
    assert sentence in found


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"firestore databases": (0, '{"type": "FIRESTORE_NATIVE", "locationId": "eur3"}')},
        {"quotas info": quota(40_000)},
        {"quotas info": quota(1, region="us-east1")},
        {"run.allowedIngress": policy(allowedValues=[PLACE.ingress])},
        {"org-policies": policy(allValues="ALLOW")},
        {"gcp.resourceLocations": policy(allowedValues=["in:eu-locations"])},
        {"iam.disableServiceAccountCreation": (0, '{"booleanPolicy": {}}')},
    ],
)
def test_nothing_else_hinders(cloud: Cloud, answers: dict[str, tuple[int, str]]) -> None:
    cloud.answers(answers | {call: answer for call, answer in GOOD.items() if call not in answers})
    assert hindrances(PLACE) == []


@pytest.mark.parametrize(("location", "hindered"), [("eur3", True), ("us-east1", False), ("nam5", False)])
def test_functions_stand_where_events_come_from(cloud: Cloud, location: str, *, hindered: bool) -> None:
    cloud.answers(GOOD)
    found = hindrances(replace(PLACE, region="us-east1", firestore_location=location))
    assert any(f"no events from Firestore in {location}" in sentence for sentence in found) is hindered


def test_terraform_knows_the_same_regions() -> None:
    variables = (TERRAFORM / "variables.tf").read_text(encoding="utf-8")
    known = re.findall(r'(\w+) = contains\(\["([\w-]+)", "([\w-]+)"\], var.region\)', variables)
    assert {location: regions for location, *regions in known} == {
        location: list(regions) for location, regions in REGIONS.items()
    }


def test_nothing_is_changed(cloud: Cloud) -> None:
    cloud.answers(GOOD)
    hindrances(PLACE)
    reading = {"version", "print-access-token", "describe", "list"}
    assert all(reading & set(call.split()) for call, _ in cloud.calls)
