from pathlib import Path

import pytest

from common.settings import Settings, SettingsError, read_secret, secret_file

LOCAL = {
    "GOOGLE_CLOUD_PROJECT": "demo-sealpost",
    "SEALPOST_URL": "http://127.0.0.1:8080",
    "POSTGRES_DSN": "postgresql://sealpost@127.0.0.1:5432/sealpost",
}
CLOUD = {
    "GOOGLE_CLOUD_PROJECT": "sealpost-prod",
    "SEALPOST_URL": "https://api.sealpost.example",
    "POSTGRES_INSTANCE": "sealpost-prod:europe-west1:main",
    "POSTGRES_USER": "identity",
    "POSTGRES_DATABASE": "sealpost",
}


def without(environment: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key != name}


def test_a_laptop_needs_three_values() -> None:
    settings = Settings.from_environment(LOCAL)
    assert (settings.project, settings.postgres_dsn) == ("demo-sealpost", LOCAL["POSTGRES_DSN"])
    assert (settings.pool, settings.trusted_proxies, settings.link_page) == (4, 0, "/")
    assert settings.postgres_instance is None
    assert settings.signing_keys_file is None


def test_the_cloud_names_an_instance() -> None:
    settings = Settings.from_environment(CLOUD)
    assert settings.postgres_dsn is None
    assert (settings.postgres_user, settings.postgres_database) == ("identity", "sealpost")


def test_optional_values_are_taken() -> None:
    given = {
        "POOL": "9",
        "TRUSTED_PROXIES": "2",
        "SIGNING_KEYS_FILE": "/secrets/signing",
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:9000",
        "FIRESTORE_DATABASE": "restored-2026-11-22",
    }
    settings = Settings.from_environment(LOCAL | given)
    assert (settings.pool, settings.trusted_proxies) == (9, 2)
    assert settings.signing_keys_file == Path("/secrets/signing")
    assert settings.firestore_emulator == "127.0.0.1:9000"
    assert settings.firestore_database == "restored-2026-11-22"


def test_firestores_database_is_the_default_one_unless_a_good_name_is_given() -> None:
    assert Settings.from_environment(LOCAL).firestore_database == "(default)"
    for name in ("", "other/documents", "Restored", "-a-b"):
        with pytest.raises(SettingsError, match="FIRESTORE_DATABASE"):
            Settings.from_environment(LOCAL | {"FIRESTORE_DATABASE": name})


@pytest.mark.parametrize(
    ("environment", "name"),
    [(LOCAL, name) for name in LOCAL if name != "POSTGRES_DSN"]
    + [(CLOUD, name) for name in CLOUD if name != "POSTGRES_INSTANCE"],
    ids=lambda value: value if isinstance(value, str) else value["GOOGLE_CLOUD_PROJECT"],
)
def test_a_missing_value_is_named(environment: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(without(environment, name))


@pytest.mark.parametrize("name", ["GOOGLE_CLOUD_PROJECT", "SEALPOST_URL"])
def test_an_empty_value_is_a_missing_one(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^Set {name}"):
        Settings.from_environment(LOCAL | {name: ""})


def test_a_server_and_an_instance_exclude_each_other() -> None:
    with pytest.raises(SettingsError, match="not both"):
        Settings.from_environment(LOCAL | CLOUD)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.sealpost.example",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "https://api.sealpost.example/",
        "https://api.sealpost.example/v1",
        "https://api.sealpost.example?x",
        "https://user@api.sealpost.example",
        "https://",
        "api.sealpost.example",
        "https://api.sealpost.example\n",
    ],
)
def test_the_service_url_is_a_scheme_and_a_host(url: str) -> None:
    with pytest.raises(SettingsError, match="SEALPOST_URL"):
        Settings.from_environment(LOCAL | {"SEALPOST_URL": url})


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://[::1]:65535", "https://a.example:8443", "https://localhost"]
)
def test_loopback_needs_no_tls(url: str) -> None:
    assert Settings.from_environment(LOCAL | {"SEALPOST_URL": url}).service_url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("POOL", "TRUSTED_PROXIES") for value in ("", "-1", "1.5", "two", "\u0662")],
)
def test_a_number_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} must be a whole number"):
        Settings.from_environment(LOCAL | {name: value})


def test_an_unreadable_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="missing cannot be read: No such file"):
        read_secret(tmp_path / "missing")


def test_a_secret_that_is_not_text_is_named_and_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "binary"
    secret.write_bytes(b"canary\xff")
    with pytest.raises(SettingsError, match="binary is not ASCII") as caught:
        read_secret(secret)
    assert "canary" not in str(caught.value)


def test_a_secret_that_a_function_needs_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^Set INDEX_KEY_FILE"):
        secret_file(None, "INDEX_KEY_FILE")
    assert secret_file(Path("x"), "INDEX_KEY_FILE") == Path("x")
