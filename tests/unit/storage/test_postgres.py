"""Which database a function's settings lead to. Nothing is connected."""

from collections.abc import Callable

import pytest

from common.settings import Settings, SettingsError
from common.storage.postgres import connect
from common.storage.postgres.connection import Connection
from common.storage.postgres.pool import pool_of
from common.storage.postgres.server import Server

ENVIRONMENT = {"GOOGLE_CLOUD_PROJECT": "demo-sealpost", "SEALPOST_URL": "http://127.0.0.1:8080"}
INSTANCE = {"POSTGRES_INSTANCE": "p:r:i", "POSTGRES_USER": "u", "POSTGRES_DATABASE": "d"}
DSN = {"POSTGRES_DSN": "postgresql://u@127.0.0.1:1/d"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the two ways to a server were asked for."""
    words: list[tuple[object, ...]] = []

    def way(*named: object) -> Callable[[float], Connection]:
        words.append(named)
        return lambda _: pytest.fail("connected")

    monkeypatch.setattr(connect, "to_server", way)
    monkeypatch.setattr(connect, "cloud_sql", way)
    return words


@pytest.mark.parametrize(
    ("database", "expected"), [(DSN, (Server.parse(DSN["POSTGRES_DSN"]),)), (INSTANCE, ("p:r:i", "u", "d"))]
)
def test_a_pool_leads_to_the_server_that_is_named(
    asked: list[tuple[object, ...]], database: dict[str, str], expected: tuple[object, ...]
) -> None:
    pool_of(Settings.from_environment(ENVIRONMENT | database))
    assert asked == [expected]


@pytest.mark.parametrize(("more", "missing"), [({}, "POSTGRES_DSN"), (DSN | {"POOL": "0"}, "POOL")])
def test_without_a_database_or_a_connection_there_is_no_pool(
    asked: list[tuple[object, ...]], more: dict[str, str], missing: str
) -> None:
    with pytest.raises(SettingsError, match=missing):
        pool_of(Settings.from_environment(ENVIRONMENT | more))
    assert asked == []
