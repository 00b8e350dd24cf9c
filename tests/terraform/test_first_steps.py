"""What scripts/deploy and scripts/bootstrap make where there is nothing, and only there."""

import pytest

from scripts.cloud import secrets, tools
from scripts.cloud.tools import Refused

IDS = {
    "INDEX_KEY_FILE": "index-key",
    "SIGNING_KEYS_FILE": "signing-keys",
    "VERIFICATION_KEYS_FILE": "verification-keys",
}


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The secrets that got a version."""
    found: list[str] = []
    monkeypatch.setattr(secrets, "_add", lambda _, secret, __: found.append(secret))
    return found


def test_every_secret_gets_a_first_version(monkeypatch: pytest.MonkeyPatch, added: list[str]) -> None:
    monkeypatch.setattr(secrets, "gcloud", lambda *_: "")
    secrets.make_first_versions("demo", IDS)
    assert sorted(added) == sorted(IDS.values())


def test_a_secret_with_a_version_is_left_alone(monkeypatch: pytest.MonkeyPatch, added: list[str]) -> None:
    monkeypatch.setattr(secrets, "gcloud", lambda *words: "1" if "index-key" in words else "")
    secrets.make_first_versions("demo", IDS)
    assert sorted(added) == ["signing-keys", "verification-keys"]


def test_what_cannot_be_listed_is_not_made_anew(monkeypatch: pytest.MonkeyPatch, added: list[str]) -> None:
    monkeypatch.setattr(secrets, "gcloud", lambda *_: None)
    with pytest.raises(Refused, match="Run this again"):
        secrets.make_first_versions("demo", IDS)
    assert added == []


@pytest.mark.parametrize(("listed", "there"), [("demo-terraform", True), ("", False), (None, False)])
def test_only_a_bucket_of_the_project_takes_the_state(
    monkeypatch: pytest.MonkeyPatch, listed: str | None, *, there: bool
) -> None:
    """A stranger's bucket of that name can be described, but is not listed among the project's own."""
    monkeypatch.setattr(tools, "gcloud", lambda *words: listed if "list" in words else "demo-terraform")
    assert tools.has_state_bucket("demo") is there
