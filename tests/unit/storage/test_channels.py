import google.auth
import grpc.aio
import pytest
from google.auth.credentials import AnonymousCredentials

from common.storage.firestore import channels


async def test_googles_channel_is_made_with_the_credentials_of_whoever_runs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, ...]] = []

    def default(**given: tuple[str, ...]) -> tuple[AnonymousCredentials, str]:
        asked.append(given["default_scopes"])
        return AnonymousCredentials(), "project"

    monkeypatch.setattr(google.auth, "default", default)
    channel = channels.to_google()()
    assert isinstance(channel, grpc.aio.Channel)
    assert asked == [("https://www.googleapis.com/auth/datastore",)]
    await channel.close(None)
