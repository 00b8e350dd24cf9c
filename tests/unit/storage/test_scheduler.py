from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import google.auth.exceptions
import jwt
import pytest
from google.oauth2 import id_token

from common.errors import Unavailable
from common.settings import Settings, SettingsError
from common.storage.scheduler import (
    AccountIdentity,
    Certificates,
    PlatformIdentity,
    SchedulerToken,
    event_caller_of,
    scheduler_of,
)

ACCOUNT = "scheduler@sealpost.iam.gserviceaccount.com"
SERVICE = "https://api.sealpost.example"
LOCAL = {
    "GOOGLE_CLOUD_PROJECT": "demo-sealpost",
    "SEALPOST_URL": SERVICE,
    "POSTGRES_DSN": "postgresql://127.0.0.1/sealpost",
}


async def test_a_laptops_scheduler_knows_the_token() -> None:
    verify = SchedulerToken("secret")
    assert await verify("secret")
    for other in ("", "Secret", "secret ", "secre", "s\u00e9cret"):
        assert not await verify(other)


@pytest.fixture
def google_says(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[str]]:
    """Let Google's library answer with these claims, or raise; the audiences it was asked for."""

    def answer(claims: Any) -> list[str]:
        asked: list[str] = []

        def verify(_: str, __: object, audience: str) -> Any:
            asked.append(audience)
            if isinstance(claims, Exception):
                raise claims
            return claims

        monkeypatch.setattr(id_token, "verify_oauth2_token", verify)
        return asked

    return answer


CLAIMS: list[tuple[Any, bool]] = [
    ({"email": ACCOUNT, "email_verified": True}, True),
    ({"email": ACCOUNT, "email_verified": False}, False),
    ({"email": ACCOUNT, "email_verified": "true"}, False),
    ({"email": ACCOUNT}, False),
    ({"email": "other@sealpost.iam.gserviceaccount.com", "email_verified": True}, False),
    ({}, False),
    (ValueError("canary"), False),
    (google.auth.exceptions.GoogleAuthError("wrong issuer"), False),
]


@pytest.mark.parametrize(("claims", "expected"), CLAIMS)
async def test_the_cloud_scheduler_shows_its_account(
    google_says: Callable[[Any], list[str]], claims: Any, *, expected: bool
) -> None:
    asked = google_says(claims)
    assert await AccountIdentity(ACCOUNT, SERVICE)("token") is expected
    assert asked == [SERVICE]


async def test_keys_that_cannot_be_fetched_are_no_refusal(google_says: Callable[[Any], list[str]]) -> None:
    google_says(google.auth.exceptions.TransportError("gone"))
    with pytest.raises(Unavailable):
        await AccountIdentity(ACCOUNT, SERVICE)("token")


def test_googles_keys_are_fetched_once_for_many_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [SimpleNamespace(status=503), *(SimpleNamespace(status=200, data=b"{}") for _ in range(2))]
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    certificates = Certificates(lambda *_, **__: answers.pop(0))
    assert certificates("https://keys.example").status == 503
    first = certificates("https://keys.example")
    assert certificates("https://keys.example") is first
    now[0] += 600
    assert certificates("https://keys.example") is not first
    assert answers == []


def test_settings_choose_the_scheduler(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")
    local = Settings.from_environment(LOCAL | {"SCHEDULER_TOKEN_FILE": str(file)})
    assert isinstance(scheduler_of(local), SchedulerToken)
    cloud = Settings.from_environment(LOCAL | {"SCHEDULER_ACCOUNT": ACCOUNT})
    assert isinstance(scheduler_of(cloud), AccountIdentity)
    with pytest.raises(SettingsError, match="SCHEDULER_ACCOUNT"):
        scheduler_of(Settings.from_environment(LOCAL))


def test_where_everybody_gets_in_no_token_is_taken_for_verified() -> None:
    told = {"SCHEDULER_ACCOUNT": ACCOUNT, "SCHEDULER_CHECK": "platform", "EVENTS_ACCOUNT": ACCOUNT}
    with pytest.raises(SettingsError, match="lets in everybody"):
        scheduler_of(Settings.from_environment(LOCAL | told))


@pytest.mark.parametrize(
    ("claims", "expected"),
    [(claims, expected) for claims, expected in CLAIMS if isinstance(claims, dict)],
)
async def test_of_a_token_that_cloud_run_verified_the_claims_count(claims: Any, expected: bool) -> None:  # noqa: FBT001
    head, body, _ = jwt.encode(claims, "k" * 32).split(".")
    assert await PlatformIdentity(ACCOUNT)(f"{head}.{body}.SIGNATURE_REMOVED_BY_GOOGLE") is expected


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.W10.c", "a..c", "a.\u00e9.c"])
async def test_what_is_no_token_is_nobodys(token: str) -> None:
    assert not await PlatformIdentity(ACCOUNT)(token)


def test_a_deployment_says_who_verifies_the_scheduler() -> None:
    cloud = {"GOOGLE_CLOUD_PROJECT": "demo", "SEALPOST_URL": SERVICE, "SCHEDULER_ACCOUNT": ACCOUNT}
    platform = Settings.from_environment({**cloud, "SCHEDULER_CHECK": "platform"})
    assert isinstance(scheduler_of(platform), PlatformIdentity)
    assert isinstance(scheduler_of(Settings.from_environment(cloud)), AccountIdentity)
    with pytest.raises(SettingsError, match="SCHEDULER_CHECK must be one of: ourselves, platform"):
        Settings.from_environment({**cloud, "SCHEDULER_CHECK": "nobody"})


async def test_events_are_brought_by_their_account_whatever_the_audience(
    google_says: Callable[[Any], list[str]],
) -> None:
    cloud = {"GOOGLE_CLOUD_PROJECT": "demo", "SEALPOST_URL": SERVICE}
    assert event_caller_of(Settings.from_environment(cloud)) is None
    verify = event_caller_of(Settings.from_environment({**cloud, "EVENTS_ACCOUNT": ACCOUNT}))
    assert verify is not None
    asked = google_says({"email": ACCOUNT, "email_verified": True})
    assert await verify("token")
    assert asked == [None]
    google_says({"email": "other@sealpost.iam.gserviceaccount.com", "email_verified": True})
    assert not await verify("token")
