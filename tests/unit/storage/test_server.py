"""What a DSN may say, and how the server that it names is reached."""

import pytest

from common.settings import SettingsError
from common.storage.postgres.server import Server


@pytest.mark.parametrize(
    "dsn",
    [
        "mysql://u@h/d",
        "postgresql://127.0.0.1/d",
        "postgresql://u@127.0.0.1",
        "postgresql://u@127.0.0.1:x/d",
        "postgresql://u@127.0.0.1/d?sslmode=prefer",
        "postgresql://u@127.0.0.1/d?user=root",
    ],
)
def test_a_dsn_that_cannot_be_is_refused(dsn: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Server.parse(dsn)
    assert "u@" not in str(refused.value).replace("postgresql://user[:password]@host[:port]/database", "")


@pytest.mark.parametrize(
    ("dsn", "encrypted", "verified"),
    [
        ("postgresql://u@127.0.0.1/d", False, False),
        ("postgresql://u@localhost/d", False, False),
        ("postgresql://u@10.0.0.5/d", True, True),
        ("postgresql://u@db.example/d?sslmode=require", True, False),
        ("postgresql://u@db.example/d?sslmode=disable", False, False),
    ],
)
def test_only_a_loopback_is_reached_in_the_clear_unasked(
    dsn: str, *, encrypted: bool, verified: bool
) -> None:
    context = Server.parse(dsn).tls
    assert bool(context) is encrypted
    assert getattr(context, "check_hostname", False) is verified
