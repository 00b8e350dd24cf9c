"""Which user has which of our roles, on a real server. Roles are the whole server's, so that all of it is rolled back."""

from collections.abc import Iterator

import pytest

from common.settings import SettingsError
from common.storage.postgres.connect import Connect, plain
from common.storage.postgres.connection import Connection
from common.storage.postgres.grants import apply_grants, quoted, read_grants
from common.storage.postgres.inspect import inspect, main
from common.storage.postgres.migrate import MigrationError, migrate

SENDER = "fn-send-message@sealpost.iam"
SUITE = 'fn-"suite@sealpost.iam'


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    connection = plain(dsn)(10)
    connection.simple("begin")
    for user in (SENDER, SUITE):
        connection.simple(f"create role {quoted(user)} login")
    yield connection
    connection.simple("rollback")
    connection.close()


def roles(connection: Connection, user: str) -> set[str]:
    found = connection.run(
        "select held.rolname::text from pg_auth_members join pg_roles held on held.oid = roleid"
        " join pg_roles member on member.oid = member where member.rolname = cast(:name as text)",
        name=user,
    )
    return {name for (name,) in found}


def test_users_have_the_roles_of_the_grants_and_no_others(connection: Connection) -> None:
    both = frozenset({"sealpost_identity", "sealpost_messaging"})
    apply_grants(connection, {SENDER: frozenset({"sealpost_messaging"}), SUITE: both})
    assert (roles(connection, SENDER), roles(connection, SUITE)) == ({"sealpost_messaging"}, set(both))
    apply_grants(connection, {SUITE: frozenset({"sealpost_backup"})})
    assert (roles(connection, SENDER), roles(connection, SUITE)) == (set(), {"sealpost_backup"})


def test_what_is_granted_opens_what_the_role_may_and_nothing_else(connection: Connection) -> None:
    apply_grants(connection, {SENDER: frozenset({"sealpost_messaging"})})
    connection.simple(f"set local role {quoted(SENDER)}")
    connection.simple("select count(*) from conversations")
    assert not connection.simple("select has_table_privilege('proofs', 'select')")[0][0]


def test_grants_are_read_strictly() -> None:
    assert read_grants(None) is None
    assert read_grants('{"a@b.iam": ["sealpost_backup"]}') == {"a@b.iam": frozenset({"sealpost_backup"})}
    for text in ("[]", "{", '{"a": 1}', "1"):
        with pytest.raises(SettingsError, match="POSTGRES_GRANTS must be JSON"):
            read_grants(text)
    for text in ('{"a": ["cloudsqlsuperuser"]}', '{"a": [1]}'):
        with pytest.raises(SettingsError, match="begin with sealpost_"):
            read_grants(text)


def test_what_is_made_belongs_to_the_owner_that_was_named(empty_dsn: str) -> None:
    connection = plain(empty_dsn)(10)
    connection.simple('drop role if exists "test owner"; create role "test owner"')
    connection.simple('grant create on schema public to "test owner"')
    try:
        migrate(plain(empty_dsn), [], owner="test owner", grants=None)
        owner = connection.simple("select tableowner::text from pg_tables where tablename = 'migrations'")
        assert owner == [["test owner"]]
    finally:
        connection.simple('drop owned by "test owner"; drop role "test owner"')
        connection.close()


def test_a_whole_database_is_counted(dsn: str) -> None:
    counts = inspect(plain(dsn))
    assert {"accounts", "conversations", "migrations"} <= set(counts)
    assert counts["migrations"] > 0


def test_an_empty_database_is_not_whole(empty_dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([empty_dsn], {}) == 1
    assert "There is no schema" in capsys.readouterr().err
    migrate(plain(empty_dsn), [])
    with pytest.raises(MigrationError, match="The schema is at nothing"):
        inspect(plain(empty_dsn))


def test_who_checks_a_restored_database_may_read_all_of_it(dsn: str) -> None:
    as_backup = replace_role(dsn, "sealpost_backup")
    assert inspect(as_backup) == inspect(plain(dsn))


def replace_role(dsn: str, role: str) -> Connect:
    def connect(seconds: float) -> Connection:
        connection = plain(dsn)(seconds)
        connection.simple(f"set role {quoted(role)}")
        return connection

    return connect
