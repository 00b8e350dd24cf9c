"""The order in which a project is prepared and a deployment is made, and what is sent where."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.storage.key_ring import KeySets
from scripts.cloud import bootstrap, deploy
from scripts.cloud.deploy import DATABASES, FIRST, IMAGE, IMPERSONATED, RIGHTS, Deployment, contents
from scripts.cloud.smoke import smoke
from scripts.cloud.tools import PAUSES, ROOT, Refused, deployer
from scripts.local.say import Stop
from sealpost.errors import ServiceUnavailable
from tests.local.cloud import Cloud
from tests.local.test_preflight import GOOD, NO

DIGEST = "sha256:" + "0" * 64
REPOSITORY = "europe-west1-docker.pkg.dev/sealpost-test/sealpost/suite"
OUTPUTS = {
    "repository": REPOSITORY,
    "builder": "projects/sealpost-test/serviceAccounts/builder@sealpost-test.iam.gserviceaccount.com",
    "builds": "gs://sealpost-test-builds",
    "grants": {"fn-jwks@sealpost-test.iam": ["sealpost_backup"], "fn-gone@sealpost-test.iam": []},
    "service_url": "https://suite-1.europe-west1.run.app",
    "secrets": {
        "INDEX_KEY_FILE": "index-key",
        "SIGNING_KEYS_FILE": "signing-keys",
        "VERIFICATION_KEYS_FILE": "verification-keys",
    },
}
READY: dict[str, tuple[int, str]] = GOOD | {
    "terraform output": (0, json.dumps({name: {"value": value} for name, value in OUTPUTS.items()})),
    "images list": (0, DIGEST),
    "sql instances list": (0, ""),
    "secrets versions list": (0, "1"),
    "config get-value account": (0, "me@example.org"),
}
COMMAND = ["--project", "sealpost-test", "--environment", "dev", "--shape", "service", "--yes"]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud.on_path(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    cloud.answers(READY)
    return cloud


@pytest.fixture
def smoked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would need a true deployment, or change this checkout: noted instead."""
    done: list[str] = []
    monkeypatch.setattr(deploy, "stage", lambda *_: done.append("staged"))
    monkeypatch.setattr(deploy, "protect_addresses", lambda project: done.append(f"protected {project}"))
    monkeypatch.setattr(
        "scripts.cloud.smoke.smoke", lambda service, operator, _: done.append(f"{operator} {service}")
    )
    return done


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pauses that are not made."""
    made: list[int] = []
    monkeypatch.setattr("scripts.cloud.tools.time.sleep", made.append)
    return made


def changing(cloud: Cloud) -> list[str]:
    """The calls that change something, shortened."""
    return [
        call
        for call, _ in cloud.calls
        if any(word in call for word in (" apply ", " execute ", " submit ", " add ", " init "))
    ]


def test_the_databases_come_before_the_migrations_and_those_before_the_rest(
    cloud: Cloud, smoked: list[str]
) -> None:
    assert deploy.main(COMMAND) == 0
    init, first, databases, migrations, rest, revocations = changing(cloud)
    assert "-backend-config=bucket=sealpost-test-terraform" in init
    assert all(f"-target={target}" in first for target in FIRST)
    assert "image=" not in first
    assert all(f"-target={target}" in databases for target in DATABASES)
    for call in (migrations, revocations):
        assert call == "gcloud run jobs execute migrate --wait --project sealpost-test --region europe-west1"
    assert "-target" not in rest
    for call in (databases, rest):
        assert f"-var=image={REPOSITORY}@{DIGEST}" in call
        assert "-var-file=dev.tfvars" in call
    assert smoked == [
        "staged",
        "protected sealpost-test",
        "me@example.org https://suite-1.europe-west1.run.app",
    ]


def test_what_is_replaced_keeps_its_grants_until_the_rest_is_applied(cloud: Cloud, smoked: list[str]) -> None:
    cloud.answers(
        READY
        | {
            "sql instances list": (0, "sealpost"),
            "sql users list": (0, "postgres\nfn-jwks@sealpost-test.iam"),
        }
    )
    assert deploy.main(COMMAND) == 0
    _, first, databases, _, rest, _ = changing(cloud)
    assert '-var=former_grants={"fn-jwks@sealpost-test.iam": ["sealpost_backup"]} ' in databases
    assert '-var=postgres_users=["postgres", "fn-jwks@sealpost-test.iam"] ' in databases
    assert "former_grants" not in first + rest
    assert not any(target in databases for target in RIGHTS), "what the old one may do is left alone"


def test_a_first_deployment_grants_the_suites_rights_early(cloud: Cloud, smoked: list[str]) -> None:
    assert deploy.main(COMMAND) == 0
    _, first, databases, *_ = changing(cloud)
    assert all(f"-target={target}" in databases and target not in first for target in RIGHTS)


@pytest.mark.parametrize("unread", ["sql instances list", "sql users list", "images list"])
def test_what_cannot_be_listed_stops_it(
    cloud: Cloud, smoked: list[str], capsys: pytest.CaptureFixture[str], unread: str
) -> None:
    cloud.answers(READY | {"sql instances list": (0, "sealpost"), unread: NO})
    assert deploy.main(COMMAND) == 1
    assert "is refused. Run it to see why" in capsys.readouterr().err
    assert not any(word in call for call in changing(cloud) for word in ("submit", "execute"))


def test_a_deployment_may_act_as_the_deployer(
    cloud: Cloud, smoked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in IMPERSONATED:
        monkeypatch.setenv(name, "")
    assert deploy.main(COMMAND) == 0
    assert [os.environ[name] for name in IMPERSONATED] == ["", ""]
    assert deploy.main([*COMMAND, "--as-deployer"]) == 0
    assert {os.environ[name] for name in IMPERSONATED} == {"deployer@sealpost-test.iam.gserviceaccount.com"}


@pytest.mark.parametrize(
    "error", [Stop("No message came."), ServiceUnavailable("The service is not there.")], ids=["late", "shut"]
)
def test_whatever_stops_a_smoke_test_is_a_refusal(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def sign_up(*_: object) -> None:
        raise error

    monkeypatch.setattr("scripts.cloud.smoke.Person.sign_up", sign_up)
    with pytest.raises(Refused, match=str(error)):
        smoke("https://sealpost.invalid", "me@example.org", lambda address: address)


def test_a_smoke_test_waits_for_permissions(
    cloud: Cloud,
    smoked: list[str],
    paused: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> None:
        if len(paused) < 2:
            raise Refused("not yet")

    monkeypatch.setattr("scripts.cloud.smoke.smoke", refuse)
    assert deploy.main(COMMAND) == 0
    assert paused == list(PAUSES[:2])
    assert "not yet\nA permission that was just granted may need minutes" in capsys.readouterr().out


def test_what_hinders_stops_it_before_anything_is_changed(
    cloud: Cloud, smoked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.answers(READY | {"billing projects describe": (0, "False")})
    assert deploy.main(COMMAND) == 1
    assert "no billing account" in capsys.readouterr().err
    assert (changing(cloud), smoked) == ([], [])


@pytest.mark.parametrize(("failing", "left"), [(" apply ", 2), (" execute ", 4)])
def test_what_fails_stops_the_rest(cloud: Cloud, smoked: list[str], failing: str, left: int) -> None:
    cloud.answers({failing: (1, "")} | READY)
    assert deploy.main(COMMAND) == 1
    assert (len(changing(cloud)), smoked) == (left, ["staged"])


def test_an_image_that_is_not_there_is_built_under_its_contents_name(cloud: Cloud, smoked: list[str]) -> None:
    cloud.answers(READY | {"images list": (0, "")})
    assert deploy.main(COMMAND) == 1, "it is not there after the build either"
    (build,) = [call for call in changing(cloud) if "submit" in call]
    assert f"--substitutions=_IMAGE={REPOSITORY}:{contents()}-{datetime.now(UTC):%G-w%V}" in build
    assert "--gcs-source-staging-dir=gs://sealpost-test-builds/sources" in build
    assert "--region=europe-west1" in build
    assert smoked == ["staged"]


def test_a_build_is_tried_again(cloud: Cloud, smoked: list[str], paused: list[int]) -> None:
    cloud.answers(READY | {"images list": (0, ""), " submit ": (1, "")})
    assert deploy.main(COMMAND) == 1
    assert paused == list(PAUSES)
    assert len([call for call in changing(cloud) if " submit " in call]) == len(PAUSES) + 1


@pytest.mark.parametrize("changed", [".dockerignore", "deploy/Dockerfile", "common/clock.py"])
def test_an_images_name_changes_with_what_goes_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    for name in IMAGE:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, tmp_path / name)
    before = contents()
    monkeypatch.setattr(deploy, "ROOT", tmp_path)
    (tmp_path / "README.md").write_text("goes into no image")
    assert contents() == before
    with (tmp_path / changed).open("a") as file:
        file.write("# changed\n")
    assert contents() != before


@pytest.mark.parametrize(("environment", "cpus"), [("dev", 1), ("prod", 20)])
def test_the_preflight_asks_for_what_terraform_takes(environment: str, cpus: int) -> None:
    deployment = Deployment(
        project="sealpost-test", environment=environment, shape="service", domain=None, unasked=True
    )
    place = deployment._place()
    assert place.cpus == cpus
    assert {"run", "sqladmin", "firestore"} <= set(place.apis)


def test_secrets_are_made_once_and_given_on_standard_input(cloud: Cloud, smoked: list[str]) -> None:
    cloud.answers(READY | {"secrets versions list": (0, "")})
    assert deploy.main(COMMAND) == 0
    added = {call.split()[4]: (call, given) for call, given in cloud.calls if " versions add " in call}
    assert list(added) == ["index-key", "verification-keys", "signing-keys"], "verified before it signs"
    assert len(added["index-key"][1]) == 43
    ring = KeySets(added["signing-keys"][1], added["verification-keys"][1]).ring()
    assert ring.next
    assert all(given not in call for call, given in added.values())


def test_old_public_keys_are_destroyed(cloud: Cloud, smoked: list[str]) -> None:
    cloud.answers({"secrets versions list verification-keys": (0, "4\n3\n2\n1")} | READY)
    assert deploy.main(COMMAND) == 0
    destroyed = [call for call, _ in cloud.calls if " destroy " in call]
    assert [call.split()[4:6] for call in destroyed] == [
        ["2", "--secret=verification-keys"],
        ["1", "--secret=verification-keys"],
    ]


def test_a_mail_servers_url_is_asked_for(
    cloud: Cloud, smoked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = OUTPUTS | {"secrets": {"SMTP_URL_FILE": "smtp-url"}}
    outputs = json.dumps({name: {"value": value} for name, value in secrets.items()})
    cloud.answers(READY | {"terraform output": (0, outputs), "secrets versions list": (0, "")})
    assert deploy.main(COMMAND) == 1
    assert "gcloud secrets versions add smtp-url --data-file=-" in capsys.readouterr().err


def test_without_a_load_balancer_the_smoke_test_waits(
    cloud: Cloud, smoked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy.main([*COMMAND[:5], "functions", "--domain", "sealpost.invalid"]) == 0
    assert "does not answer yet" in capsys.readouterr().out
    assert smoked == ["staged", "protected sealpost-test"]


def test_a_project_is_prepared_twice_without_harm(cloud: Cloud) -> None:
    words = ["--project", "p-1", "--region", "europe-west1"]
    people = {"projects describe": (0, "123"), "get-value account": (0, "me@example.org")}
    cloud.answers({"buckets list": (0, "")} | people)
    assert bootstrap.main(words) == 0
    first = " ".join(call for call, _ in cloud.calls)
    assert "buckets create gs://p-1-terraform" in first
    assert "--public-access-prevention" in first
    assert "service-accounts create deployer" in first
    for agent, role in bootstrap.AGENT_ROLES.items():
        assert f"--member=serviceAccount:service-123@{agent}.iam.gserviceaccount.com --role={role}" in first
    for role in bootstrap.DEPLOYER_ROLES:
        assert f"--member=serviceAccount:{deployer('p-1')} --role=roles/{role} " in first
    assert f"add-iam-policy-binding {deployer('p-1')} --project=p-1 --member=user:me@example.org" in first
    cloud.answers({"buckets list": (0, "p-1-terraform"), "accounts list": (0, deployer("p-1"))} | people)
    (cloud.folder / "calls").unlink()
    assert bootstrap.main(words) == 0
    again = " ".join(call for call, _ in cloud.calls)
    assert "buckets create" not in again
    assert "service-accounts create" not in again


def test_every_agent_that_encrypts_is_called_into_being(cloud: Cloud) -> None:
    cloud.answers({"projects describe": (0, "123"), "get-value account": (0, "me@example.org")})
    assert bootstrap.main(["--project", "p-1", "--region", "europe-west1"]) == 0
    made = [call for call, _ in cloud.calls if "identity create" in call or "service-agent" in call]
    assert [call.split("--service=")[-1].split(".")[0] for call in made] == [
        *bootstrap.AGENTS,
        "gcloud storage service-agent --project=p-1",
    ]


def test_a_project_that_cannot_be_seen_is_named(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.answers({"projects describe": NO})
    assert bootstrap.main(["--project", "p-1", "--region", "europe-west1"]) == 1
    assert "The project p-1 cannot be seen" in capsys.readouterr().err


def test_a_deployments_migrations_are_its_job(cloud: Cloud) -> None:
    words = [str(ROOT / "scripts" / "migrate"), "--project", "p-1", "--region", "europe-west1"]
    subprocess.run(words, check=True)  # noqa: S603 - ours
    assert [call for call, _ in cloud.calls] == [
        "gcloud run jobs execute migrate --wait --project p-1 --region europe-west1"
    ]
