"""Bring a database's schema up to date: `python -m common.storage.postgres.migrate [DSN]`.

The files of migrations/ run in the order of their numbers, each in a transaction of its own together with the row that
records it. A session advisory lock makes a second runner wait, and then find nothing to do. Without a DSN the server
is the one of POSTGRES_DSN, or of POSTGRES_INSTANCE, POSTGRES_USER and POSTGRES_DATABASE. In the cloud POSTGRES_OWNER is
the role that the schema belongs to, and POSTGRES_GRANTS says which user has which of our roles (grants.py).
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import DeadlineExceeded
from common.settings import SettingsError
from common.storage.postgres.connect import Connect, cloud_sql, plain
from common.storage.postgres.connection import Connection
from common.storage.postgres.failures import ConnectionLost, StatementFailed
from common.storage.postgres.grants import Grants, apply_grants, quoted, read_grants

FOLDER = Path(__file__).parent / "migrations"
PATIENCE = 600.0
"""Seconds for the whole run, the wait for another runner included."""

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK_KEY = 0x5EA1_9057
_RECORD = """
create table if not exists migrations (
    number     integer primary key,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now()
)"""
_APPLIED = "select number, name, sha256 from migrations order by number"
_INSERT = "insert into migrations (number, name, sha256) values (:number, :name, :sha256)"


class MigrationError(Exception):
    """The files and the database do not fit together. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of a folder, by number, which must run from 1 without a gap.

    Raises:
        MigrationError: a file is misnamed, or a number is missing or taken twice.

    """
    migrations = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name} must be named like 0001_what_it_does.sql.")
        migrations.append(Migration(int(match[1]), path.name, path.read_text(encoding="utf-8")))
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise MigrationError(
            f"The migrations in {folder.name}/ must be numbered 0001, 0002, ... without gap or repetition."
        )
    return migrations


def migrate(
    connect: Connect,
    migrations: Sequence[Migration] | None = None,
    *,
    owner: str | None = None,
    grants: Grants | None = None,
) -> list[str]:
    """Apply what is not applied yet and give the names of what was. Numbers beyond ours are a newer release's: left alone.

    With `owner`, all that is made belongs to that role; with `grants`, users have our roles as that says, and no others.

    Raises:
        MigrationError: an applied migration was edited since, or one failed and was rolled back.
        ConnectionLost, DeadlineExceeded: the server.

    """
    if migrations is None:
        migrations = read()
    deadline = time.monotonic() + PATIENCE
    connection = connect(PATIENCE)
    connection.deadline = deadline
    try:
        connection.simple("set statement_timeout = 0; set lock_timeout = 0")
        if owner:
            connection.simple(f"set role {quoted(owner)}")
        connection.simple(f"select pg_advisory_lock({_LOCK_KEY})")
        connection.simple(_RECORD)
        applied = {number: (name, sha256) for number, name, sha256 in connection.simple(_APPLIED)}
        _refuse_edited(applied, migrations)
        fresh = [migration for migration in migrations if migration.number not in applied]
        for migration in fresh:
            _apply(connection, migration)
        if grants is not None:
            apply_grants(connection, grants)
        return [migration.name for migration in fresh]
    finally:
        connection.close()


def _refuse_edited(applied: Mapping[int, tuple[str, str]], migrations: Sequence[Migration]) -> None:
    for migration in migrations:
        name, sha256 = applied.get(migration.number, (migration.name, migration.sha256))
        if (name, sha256) != (migration.name, migration.sha256):
            raise MigrationError(
                f"{migration.name} is not what was applied as {name}: an applied migration is never edited. "
                "Restore the file and write the change as a new migration."
            )


def _apply(connection: Connection, migration: Migration) -> None:
    connection.simple("begin; set local lock_timeout = '10s'")
    try:
        connection.simple(migration.sql)
        connection.run(_INSERT, number=migration.number, name=migration.name, sha256=migration.sha256)
        connection.simple("commit")
    except StatementFailed as failure:
        connection.simple("rollback")
        raise MigrationError(f"{migration.name} failed and was rolled back: {failure}.") from None


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Exit status 0 when the schema is up to date, 1 with a sentence on stderr when it is not, 2 on wrong usage."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        return _fail("usage: migrate [postgresql://user[:password]@host[:port]/database]", status=2)
    try:
        names = migrate(
            server(arguments, environment),
            owner=environment.get("POSTGRES_OWNER"),
            grants=read_grants(environment.get("POSTGRES_GRANTS")),
        )
    except (SettingsError, MigrationError) as error:
        return _fail(f"migrate: {error}")
    except (ConnectionLost, DeadlineExceeded, StatementFailed) as error:
        return _fail(
            f"migrate: the database cannot be reached or refused us ({error}). Check the address and the user."
        )
    sys.stdout.writelines(f"applied {name}\n" for name in names)
    if not names:
        sys.stdout.write("nothing to apply\n")
    return 0


def _fail(sentence: str, *, status: int = 1) -> int:
    sys.stderr.write(f"{sentence}\n")
    return status


def server(arguments: Sequence[str], environment: Mapping[str, str]) -> Connect:
    """The database that a command is about: its argument's, or the environment's.

    Raises:
        SettingsError: neither names one.
    """
    if arguments:
        return plain(arguments[0])
    if dsn := environment.get("POSTGRES_DSN"):
        return plain(dsn)
    values = [
        environment.get(name, "") for name in ("POSTGRES_INSTANCE", "POSTGRES_USER", "POSTGRES_DATABASE")
    ]
    if not all(values):
        raise SettingsError(
            "Name the database: as the argument, in POSTGRES_DSN, or by POSTGRES_INSTANCE, POSTGRES_USER and POSTGRES_DATABASE."
        )
    return cloud_sql(*values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
