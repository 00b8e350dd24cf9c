from collections.abc import Callable
from pathlib import Path
from typing import Any

import google.auth.exceptions
import pytest
from google.oauth2 import id_token

from common.errors import Unavailable
from common.settings import Settings, SettingsError
from common.storage.scheduler import SchedulerIdentity, SchedulerToken, scheduler_of

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
    assert await SchedulerIdentity(ACCOUNT, SERVICE)("token") is expected
    assert asked == [SERVICE]


async def test_keys_that_cannot_be_fetched_are_no_refusal(google_says: Callable[[Any], list[str]]) -> None:
    google_says(google.auth.exceptions.TransportError("gone"))
    with pytest.raises(Unavailable):
        await SchedulerIdentity(ACCOUNT, SERVICE)("token")


def test_settings_choose_the_scheduler(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")
    local = Settings.from_environment(LOCAL | {"SCHEDULER_TOKEN_FILE": str(file)})
    assert isinstance(scheduler_of(local), SchedulerToken)
    cloud = Settings.from_environment(LOCAL | {"SCHEDULER_ACCOUNT": ACCOUNT})
    assert isinstance(scheduler_of(cloud), SchedulerIdentity)
    with pytest.raises(SettingsError, match="SCHEDULER_ACCOUNT"):
        scheduler_of(Settings.from_environment(LOCAL))
