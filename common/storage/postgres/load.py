"""Fill a new database with the relations of a backup.

Of the dump the rows alone are taken: the schema is made by our own migrations, up to the dump's, and the rows come in with
one transaction, its foreign keys dropped for as long. A comment on the database says which backup it is being made from and
how far it is, so that a second run goes on and a living database is never touched.
"""

import gzip
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

from common.backups.dump import COPY, END, MIGRATIONS
from common.backups.model import BackupRefused
from common.storage.postgres.connect import Connect
from common.storage.postgres.connection import Connection
from common.storage.postgres.failures import StatementFailed
from common.storage.postgres.grants import quoted
from common.storage.postgres.migrate import migrate, read

PATIENCE = 21_600.0
"""Seconds for the whole load."""

Stage = Literal["made", "loaded", "checked", "ready", "admitted"]
"""How far a restore has come: `checked` once documents and relations were held against each other."""

_OURS = "sealpost restore"
_PIECE = 1 << 16
_UNHURRIED = (
    "set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0; "
    "set client_encoding = 'UTF8'"
)
_KNOWN = (
    "select shobj_description(oid, 'pg_database')::text from pg_database where datname = cast(:name as text)"
)
_IS_EMPTY = "select not exists (select from pg_class where relnamespace = 'public'::regnamespace)"
_LOGGED = """
select relname::text from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence = 'p'"""
_FOREIGN_KEYS = """
select conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)::text from pg_constraint
where contype = 'f' and connamespace = 'public'::regnamespace"""
_IDENTITIES = """
select table_name::text, column_name::text from information_schema.columns
where table_schema = 'public' and is_identity = 'YES'"""


class RestoreRefused(Exception):
    """A restore cannot go on. The sentence says why, and nothing that was there has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The database that a restore makes."""

    name: str
    backup: str
    """The digest of the manifest that it is made from."""
    server: Connect
    """Opens a database of the same server, from which others can be made."""
    connect: Connect
    """Opens this one."""
    owner: str | None = None
    """The role that all of it belongs to, where it is not the user."""

    def claim(self) -> Stage:
        """Make the database, unless an earlier run has; say how far that came.

        Raises:
            RestoreRefused: there is one of that name that is not of this backup's restore.
        """
        connection = self._open(self.server)
        try:
            known = connection.run(_KNOWN, name=self.name)
            if not known:
                connection.simple(f"create database {quoted(self.name)}")
            elif known[0][0] is None:
                self._refuse_unless_empty()
            else:
                return self._stage(str(known[0][0]))
            self.mark(connection, "made")
        finally:
            connection.close()
        return "made"

    def note(self, stage: Stage) -> None:
        connection = self.open()
        try:
            self.mark(connection, stage)
        finally:
            connection.close()

    def mark(self, connection: Connection, stage: Stage) -> None:
        connection.simple(f"comment on database {quoted(self.name)} is '{_OURS} {self.backup} {stage}'")

    def open(self) -> Connection:
        return self._open(self.connect)

    def migrate(self) -> None:
        """Bring the schema of the loaded database up to date. Raises as `migrate` does."""
        migrate(self.connect, owner=self.owner)

    def _open(self, connect: Connect) -> Connection:
        connection = connect(30.0)
        connection.deadline = time.monotonic() + PATIENCE
        connection.simple(_UNHURRIED)
        if self.owner:
            connection.simple(f"set role {quoted(self.owner)}")
        return connection

    def _stage(self, comment: str) -> Stage:
        stages: tuple[Stage, ...] = ("made", "loaded", "checked", "ready", "admitted")
        for stage in stages:
            if comment == f"{_OURS} {self.backup} {stage}":
                return stage
        raise self._refusal()

    def _refuse_unless_empty(self) -> None:
        connection = self._open(self.connect)
        try:
            if not connection.simple(_IS_EMPTY)[0][0]:
                raise self._refusal()
        finally:
            connection.close()

    def _refusal(self) -> RestoreRefused:
        return RestoreRefused(
            f"The database {self.name} is there already, and not from a restore of this backup. It is left as it is: drop it, if nobody needs it."
        )


def load(
    target: Target,
    dump: BinaryIO,
    *,
    migration: str,
    rows: Mapping[str, int],
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Load a gzipped dump into the claimed database, whose schema is then the dump's.

    Args:
        target: claimed, and not loaded yet.
        dump: the gzipped text of pg_dump.
        migration: the newest that the dump has seen.
        rows: how many it has of each table.
        tell: takes how far it is, such as `accounts 2,000`.

    Raises:
        RestoreRefused: the dump is of a newer release, or the server refused a statement.
        BackupRefused: the dump is damaged, or does not hold what it should. The database stays empty.
        MigrationError, ConnectionLost, DeadlineExceeded: as of `migrate`. Another run goes on.
    """
    migrations = read()
    names = [each.name for each in migrations]
    if migration not in names:
        raise RestoreRefused(
            f"The backup is of a newer release, which has {migration}. Restore it with that one."
        )
    migrate(target.connect, migrations[: names.index(migration) + 1], owner=target.owner)
    connection = target.open()
    try:
        connection.simple("begin")
        _fill(connection, dump, rows, tell)
        target.mark(connection, "loaded")
        connection.simple("commit")
    except StatementFailed as failure:
        raise RestoreRefused(_sentence(failure)) from None
    else:
        connection.simple("analyze")
    finally:
        connection.close()


def _fill(
    connection: Connection, dump: BinaryIO, rows: Mapping[str, int], tell: Callable[[str], None]
) -> None:
    keys = connection.simple(_FOREIGN_KEYS)
    for table, name, _ in keys:
        connection.simple(f"alter table {table} drop constraint {quoted(name)}")
    connection.simple(f"delete from {MIGRATIONS}")  # noqa: S608 - a constant; the dump has these rows too
    loaded = _copy(connection, _lines(dump), tell)
    if loaded != dict(rows):
        raise BackupRefused("The dump of the relations does not hold the rows that its manifest counts.")
    if missing := {table for (table,) in connection.simple(_LOGGED)} - loaded.keys():
        raise BackupRefused(f"The dump of the relations lacks the tables {', '.join(sorted(missing))}.")
    tell("foreign keys")
    for table, name, definition in keys:
        connection.simple(f"alter table {table} add constraint {quoted(name)} {definition}")
    for table, column in connection.simple(_IDENTITIES):
        connection.simple(
            f"select setval(pg_get_serial_sequence('{table}', '{column}'), coalesce(max({quoted(column)}), 0) + 1, false) from {quoted(table)}"  # noqa: S608 - names from the catalogue
        )


def _copy(connection: Connection, lines: Iterator[bytes], tell: Callable[[str], None]) -> dict[str, int]:
    """Copy each table's block as it comes. Gives the rows of each."""
    loaded: dict[str, int] = {}
    ended = False
    for line in lines:
        text = line.rstrip(b"\n")
        if begin := COPY.fullmatch(text):
            block = _Block(lines)
            connection.copy(text.decode("ascii").rstrip(";"), block.pieces())
            table = begin[1].decode("ascii")
            loaded[table] = block.rows
            tell(f"{table} {block.rows:,}")
        ended = ended or text == END
    if not ended:
        raise BackupRefused("The dump of the relations ends too early.")
    return loaded


class _Block:
    """The rows of one table."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.rows = 0

    def pieces(self) -> Iterator[bytes]:
        piece: list[bytes] = []
        size = 0
        for line in self._lines:
            if line == b"\\.\n":
                yield b"".join(piece)
                return
            self.rows += 1
            piece.append(line)
            size += len(line)
            if size >= _PIECE:
                yield b"".join(piece)
                piece, size = [], 0
        raise BackupRefused("The dump of the relations ends too early.")


def _lines(dump: BinaryIO) -> Iterator[bytes]:
    unzipped: Iterable[bytes] = gzip.GzipFile(fileobj=dump, mode="rb")
    try:
        yield from unzipped
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise BackupRefused("The dump of the relations is damaged: it cannot be unzipped.") from None


def _sentence(failure: StatementFailed) -> str:
    if failure.sqlstate.startswith("53"):
        return f"The database server has no room left ({failure}). Nothing was loaded: make room, and run this again."
    return f"The database server refused the relations ({failure}). Nothing was loaded."
