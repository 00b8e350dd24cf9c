import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from common.storage.postgres import migrate as migrations
from common.storage.postgres.connect import Connect, plain
from common.storage.postgres.failures import StatementFailed
from common.storage.postgres.migrate import Migration, MigrationError, main, migrate, read

ROOT = Path(__file__).parents[2]
ONE = Migration(1, "0001_one.sql", "create table ones (n integer); insert into ones values (1)")
TWO = Migration(2, "0002_two.sql", "alter table ones add column m text")
BAD = Migration(3, "0003_bad.sql", "create table bads (n integer); select 1 / 0")


def test_they_run_once_in_order_and_are_recorded(empty_dsn: str) -> None:
    connect = plain(empty_dsn)
    assert migrate(connect, [ONE]) == ["0001_one.sql"]
    assert migrate(connect, [ONE, TWO]) == ["0002_two.sql"]
    assert migrate(connect, [ONE, TWO]) == []
    connection = connect(5)
    assert connection.run("select n, m from ones") == [[1, None]]
    assert connection.run("select number, sha256 from migrations order by number") == [
        [1, ONE.sha256],
        [2, TWO.sha256],
    ]
    connection.close()


def test_two_runners_at_once_are_safe(empty_dsn: str) -> None:
    slow = Migration(1, "0001_slow.sql", "select pg_sleep(0.3); create table slow (n integer)")
    done: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: done.append(migrate(plain(empty_dsn), [slow]))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [[], [], ["0001_slow.sql"]]


def test_an_edited_one_is_refused_by_name(empty_dsn: str) -> None:
    migrate(plain(empty_dsn), [ONE])
    with pytest.raises(MigrationError, match=r"0001_one\.sql .* never edited"):
        migrate(plain(empty_dsn), [replace(ONE, sql=ONE.sql + " "), TWO])
    assert migrate(plain(empty_dsn), [ONE]) == []


def test_a_failing_one_leaves_nothing_behind(empty_dsn: str) -> None:
    with pytest.raises(MigrationError, match=r"0003_bad\.sql failed"):
        migrate(plain(empty_dsn), [ONE, TWO, BAD])
    connection = plain(empty_dsn)(5)
    assert connection.run("select count(*) from migrations") == [[2]]
    with pytest.raises(StatementFailed):
        connection.run("select * from bads")
    connection.close()


def test_a_newer_releases_migrations_are_left_alone(empty_dsn: str) -> None:
    migrate(plain(empty_dsn), [ONE, TWO])
    assert migrate(plain(empty_dsn), [ONE]) == []


@pytest.mark.parametrize(
    "names", [["0001_a.sql", "0003_b.sql"], ["0002_a.sql"], ["0001_a.sql", "0001_b.sql"], ["1.sql"]]
)
def test_numbers_have_no_gap(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("select 1")
    with pytest.raises(MigrationError):
        read(tmp_path)


def test_the_command_says_what_it_did(empty_dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([empty_dsn], {}) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["applied"] * len(read())
    assert main([], {"POSTGRES_DSN": empty_dsn}) == 0
    assert capsys.readouterr().out == "nothing to apply\n"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [([], 1), (["--help"], 2), (["a", "b"], 2), (["postgresql://u@127.0.0.1:1/d"], 1)],
)
def test_the_command_names_what_is_missing(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments, {}) == status
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Traceback" not in error


def test_the_command_runs_by_itself(empty_dsn: str) -> None:
    command = [sys.executable, "-m", "common.storage.postgres.migrate", empty_dsn]
    elsewhere = {name: value for name, value in os.environ.items() if name != "POSTGRES_DSN"}
    for words in (["applied", str(read()[0].name)], ["nothing"]):
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command, cwd=ROOT, env=elsewhere, check=True, capture_output=True, text=True
        )
        assert done.stdout.split()[: len(words)] == words


def test_the_command_finds_an_instance(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, ...]] = []

    def by_connector(*words: str) -> Connect:
        asked.append(words)
        return plain(empty_dsn)

    monkeypatch.setattr(migrations, "cloud_sql", by_connector)
    instance = {"POSTGRES_INSTANCE": "p:r:i", "POSTGRES_USER": "u", "POSTGRES_DATABASE": "d"}
    assert main([], instance) == 0
    assert asked == [("p:r:i", "u", "d")]
    assert "applied" in capsys.readouterr().out


def test_the_roles_hold_what_they_need_and_no_more(dsn: str) -> None:
    connection = plain(dsn)(5)

    def may(role: str, table: str) -> set[str]:
        rights = ("select", "insert", "update", "delete")
        sql = "select has_table_privilege(:role, :table, :right)"
        return {
            right
            for right in rights
            if connection.run(sql, role=f"sealpost_{role}", table=table, right=right)[0][0]
        }

    everything = [
        name
        for (name,) in connection.run("select tablename from pg_tables where schemaname = :s", s="public")
    ]
    assert len(everything) >= 14
    for table in everything:
        assert may("backup", table) == {"select"}
        assert "delete" not in may("messaging", table) or table == "discoveries"
    for table in ("members", "conversations", "conversation_statements", "blocks"):
        assert may("identity", table) == set()
    for table in ("accounts", "devices", "sessions", "statements", "encryption_keys"):
        assert may("messaging", table) == {"select"}
    for table in ("statements", "conversation_statements", "migrations"):
        assert "update" not in may("identity", table) | may("messaging", table) | may("maintenance", table)
        assert "delete" not in may("maintenance", table)
    logins = connection.run(
        "select count(*) from pg_roles where rolname like :like and rolcanlogin", like="sealpost\\_%"
    )
    assert logins == [[0]]
    connection.close()


def test_the_schema_refuses_what_must_not_be(dsn: str) -> None:
    connection = plain(dsn)(5)
    for sql, sqlstate in (
        ("insert into accounts (uid, address_index, created_at) values ('a b', sha256('a'), now())", "23514"),
        (
            "insert into accounts (uid, address_index, root, created_at) values ('a', sha256('a'), repeat('x', 43), now())",
            "23514",
        ),
        ("insert into accounts (uid, created_at) values ('a', now())", "23502"),
        (
            "insert into devices (id, uid, modulus, created_at) values (repeat('d', 43), 'nobody', repeat('m', 512), now())",
            "23503",
        ),
        ("insert into blocks values ('a', 'a', now())", "23514"),
    ):
        with pytest.raises(StatementFailed) as refused:
            connection.run(sql)
        assert refused.value.sqlstate == sqlstate
    connection.close()


def test_the_folder_stands_beside_the_runner() -> None:
    assert migrations.FOLDER.is_dir()
    assert [migration.number for migration in read()] == list(range(1, len(read()) + 1))
