"""What a restore reads first: the archive's list, a backup's manifest and its objects. Damage of any kind is refused."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import google_crc32c
import pytest
from google.auth.exceptions import RefreshError

from common.backups import looking
from common.backups.model import BackupRefused, Manifest, Object, rfc3339
from common.storage.backups.folder import FolderArchive
from scripts.cloud.tools import Refused
from scripts.restoring.__main__ import main
from scripts.restoring.cloud import credentials, run_job
from scripts.restoring.restore import restored
from tests.local.cloud import Cloud

NAME, PROJECT = "2026-11-22", "demo-project"
CONTENTS = {
    "documents/all/output-0": b"the documents" * 100,
    "documents/documents.overall_export_metadata": b"where they are",
    "relations.sql.gz": b"the relations" * 50,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An archive with one complete backup."""
    write(tmp_path, NAME, time.time() - 7200)
    return tmp_path


def write(root: Path, name: str, at: float, *, project: str = PROJECT) -> None:
    for part, content in CONTENTS.items():
        path = root / name / part
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    begun = {"version": 1, "project": project, "name": name, "at": rfc3339(at)}
    (root / name / "begun.json").write_text(json.dumps(begun))
    (root / name / "operations.json").write_text(json.dumps({"documents": "d", "relations": "r"}))
    (root / name / "manifest.json").write_bytes(manifest(name, at, project).write())


def manifest(name: str, at: float, project: str) -> Manifest:
    return Manifest(
        project=project,
        name=name,
        at=rfc3339(at),
        finished_at=rfc3339(at + 60),
        objects=tuple(
            Object(name=part, bytes=len(content), crc32c=checksum(content))
            for part, content in sorted(CONTENTS.items())
        ),
        documents=3,
        migration="0004_restores.sql",
        rows={"accounts": 1},
    )


def checksum(content: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()


def look(folder: Path, name: str = NAME) -> None:
    """What a restore does before it makes anything."""
    backups = FolderArchive(folder)
    looking.check(backups, looking.manifest(backups, PROJECT, name))


def test_a_whole_backup_is_taken(folder: Path) -> None:
    look(folder)


@pytest.mark.parametrize("part", [*CONTENTS, "manifest.json"])
def test_a_flipped_bit_anywhere_is_refused(folder: Path, part: str) -> None:
    path = folder / NAME / part
    whole = path.read_bytes()
    for at in {0, len(whole) // 2, len(whole) - 2}:
        for bit in (0, 5):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << bit
            path.write_bytes(bytes(damaged))
            with pytest.raises(BackupRefused, match=r"damaged|version|lacks a member|another"):
                look(folder)
    path.write_bytes(whole)
    look(folder)


@pytest.mark.parametrize("part", CONTENTS)
def test_a_missing_object_is_refused_by_name(folder: Path, part: str) -> None:
    (folder / NAME / part).unlink()
    with pytest.raises(BackupRefused, match=f"{part} of the backup is missing"):
        look(folder)


@pytest.mark.parametrize("part", CONTENTS)
def test_a_truncated_object_is_refused_by_name(folder: Path, part: str) -> None:
    path = folder / NAME / part
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupRefused, match=f"{part} of the backup has .* bytes, and .* were written"):
        look(folder)


def test_an_object_that_nobody_wrote_spoils_nothing(folder: Path) -> None:
    """Whoever may create objects could else make every backup worthless, and nobody may remove one."""
    (folder / NAME / "documents" / "all" / "output-1").write_bytes(b"more documents")
    (folder / NAME / "failed.json").write_bytes(b"{}")
    look(folder)


def test_a_truncated_manifest_is_refused(folder: Path) -> None:
    path = folder / NAME / "manifest.json"
    whole = path.read_bytes()
    for end in (0, 1, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:end])
        with pytest.raises(BackupRefused, match="damaged"):
            look(folder)


def test_another_projects_manifest_is_refused(folder: Path) -> None:
    (folder / NAME / "manifest.json").write_bytes(manifest(NAME, time.time(), "demo-other").write())
    with pytest.raises(BackupRefused, match="another project"):
        look(folder)


def test_another_backups_manifest_is_refused(folder: Path) -> None:
    (folder / NAME / "manifest.json").write_bytes(manifest("2026-11-21", time.time(), PROJECT).write())
    with pytest.raises(BackupRefused, match="another backup"):
        look(folder)


@pytest.mark.parametrize("name", ["2026-11-23", "../2026-11-22", "", "2026-11-22/documents"])
def test_a_backup_that_is_not_there_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(BackupRefused, match="There is no backup"):
        look(folder, name)


def failed(place: Path) -> None:
    (place / "manifest.json").unlink()
    (place / "failed.json").write_text('{"reason": "It broke."}')


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda place: (place / "manifest.json").unlink(), "is running"),
        (failed, "is failed: It broke"),
        (lambda place: (place / "begun.json").write_text("{"), "is failed"),
    ],
)
def test_a_backup_that_is_not_complete_is_refused(
    folder: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    spoil(folder / NAME)
    with pytest.raises(BackupRefused, match=sentence):
        look(folder)


def test_the_list_tells_of_each_its_age_size_and_state(folder: Path) -> None:
    write(folder, "2026-11-23", time.time() - 60, project="demo-other")
    write(folder, "2026-11-23.2", time.time())
    failed(folder / "2026-11-23.2")
    whole, foreign, broken = looking.listed(FolderArchive(folder), PROJECT)
    assert (whole.name, whole.state, whole.bytes) == (NAME, "complete", sum(map(len, CONTENTS.values())))
    assert whole.age is not None
    assert abs(whole.age - 7200) < 5
    assert (foreign.state, foreign.reason) == ("damaged", "The manifest is of another project.")
    assert (broken.name, broken.state, broken.reason) == ("2026-11-23.2", "failed", "It broke.")


def test_each_backup_has_databases_of_its_own() -> None:
    assert restored("2026-11-22").documents == "restored-2026-11-22"
    assert restored("2026-11-22").relations == "restored_2026_11_22"
    assert restored("2026-11-22.2") != restored("2026-11-22")


@pytest.fixture
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data of a run that has this backup. The folder of them."""
    local: Path = tmp_path_factory.mktemp("local")
    (local / "run" / "backups").mkdir(parents=True)
    folder.rename(local / "run" / "backups" / PROJECT)
    monkeypatch.setattr("scripts.local.layout.Layout.local", local)
    monkeypatch.setattr("scripts.restoring.__main__.PROJECT", PROJECT)
    return local / "run"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "revocations" / PROJECT / "accounts").mkdir(parents=True)
    (run / "revocations" / PROJECT / "accounts" / "someone").write_text("{}")
    before = sorted(run.rglob("*"))
    assert main(["restore", NAME, "--dry-run"]) == 0
    told = capsys.readouterr().out
    for said in (
        "restored-2026-11-22: 3 documents",
        "restored_2026_11_22: 1 rows",
        "without 1 erased",
        "Nothing",
    ):
        assert said in told
    assert sorted(run.rglob("*")) == before


def test_a_refusal_is_a_sentence(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "backups" / PROJECT / NAME / "relations.sql.gz").unlink()
    assert main(["restore", NAME, "--dry-run"]) == 1
    assert capsys.readouterr().err == "restore: relations.sql.gz of the backup is missing.\n"


def test_the_list_is_printed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "2026-11-22        2.0 h        1,964 bytes  complete" in capsys.readouterr().out


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return Cloud.on_path(tmp_path)


def test_a_deployments_job_is_given_the_backup_and_both_databases(cloud: Cloud) -> None:
    cloud.answers({"executions list": (0, '[{"status": {"completionTime": "2026-11-22T04:00:00Z"}}]')})
    pair = restored("2026-11-22.2")
    run_job("p", "r", ["2026-11-22.2", pair.relations, pair.documents])
    (_, (call, _)) = cloud.calls
    assert call == (
        "gcloud run jobs execute restore --wait --project=p --region=r"
        " --args=-m,common.storage.restore,2026-11-22.2,restored_2026_11_22_2,restored-2026-11-22-2"
    )


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"executions list": (1, "")}, "gcloud shows no job restore in r"),
        ({"executions list": (0, '[{"status": {}}]')}, "is running already"),
        ({"executions list": (0, "[]"), "jobs execute": (1, "")}, "failed; what it says is above"),
    ],
)
def test_a_job_that_cannot_be_run_says_why(
    cloud: Cloud, answers: dict[str, tuple[int, str]], sentence: str
) -> None:
    cloud.answers(answers)
    with pytest.raises(Refused, match=sentence):
        run_job("p", "r", [NAME, "database", "documents"])
    assert sum("jobs execute" in call for call, _ in cloud.calls) == ("jobs execute" in answers)


def test_who_is_not_signed_in_is_told_so(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.answers({"print-access-token": (1, "")})
    assert main(["--project", "p", "--region", "r", "list"]) == 1
    assert "gcloud auth login" in capsys.readouterr().err


def test_a_project_without_its_region_is_no_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--project", "p", "list"])
    assert "both --project and --region" in capsys.readouterr().err


def test_gclouds_tokens_are_asked_for_again_in_time(cloud: Cloud) -> None:
    cloud.answers({"print-access-token": (0, "the-token")})
    given = credentials("p")
    given.refresh(None)
    assert (given.token, given.quota_project_id) == ("the-token", "p")
    assert timedelta(0) < given.expiry - datetime.now(UTC).replace(tzinfo=None) < timedelta(minutes=10)
    cloud.answers({"print-access-token": (1, "")})
    with pytest.raises(RefreshError):
        given.refresh(None)
