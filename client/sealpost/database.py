"""The SQLite file under the state: transactions, turns between processes, destruction.

The rollback journal is used, not a write-ahead log: a log keeps old pages, and a destroyed private key must go.
SQLite overwrites what it frees (secure_delete), but not the copies of rows that a page keeps between its cells when it
was split or joined; `destroying` writes the file anew, without them.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sealpost.errors import Locked, SealpostError

_BUSY_SECONDS = 15.0
_TURN_SECONDS = 120.0
_SYNCHRONOUS = "full"


def connect(path: Path) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise unusable(error) from None
    for pragma in (
        "journal_mode = delete",
        "secure_delete = on",
        f"synchronous = {_SYNCHRONOUS}",
        "temp_store = memory",
    ):
        execute(database, f"pragma {pragma}")
    return database


def execute(database: sqlite3.Connection, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
    try:
        return database.execute(sql, values)
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            raise broken(f"This is not a Sealpost state ({error}).") from None
        raise unusable(error) from None
    except sqlite3.Error as error:
        raise broken(f"This is not a Sealpost state ({error}).") from None


def meta(database: sqlite3.Connection, name: str) -> bytes:
    row = execute(database, "select value from meta where name = ?", (name,)).fetchone()
    if row is None:
        raise KeyError(name)
    value: bytes = row[0]
    return value


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """One write transaction; inside another one, a part of it."""
    if database.in_transaction:
        yield
        return
    execute(database, "begin immediate")
    try:
        yield
        execute(database, "commit")
    except BaseException:
        with contextlib.suppress(sqlite3.OperationalError):  # where the commit itself failed
            database.execute("rollback")
        raise


@contextlib.contextmanager
def destroying(database: sqlite3.Connection) -> Iterator[None]:
    """A transaction of its own, after which no byte of what it replaced or deleted is left in the file.

    Where a kill, a busy file or a full disk prevents the second half, `finish_destruction` makes up for it.
    """
    with transaction(database):
        yield
        execute(database, "insert or replace into meta values ('destroyed', ?)", (os.urandom(8),))
    finish_destruction(database)


def finish_destruction(database: sqlite3.Connection) -> None:
    """Writes the file anew if something was destroyed. A mark that another process has set meanwhile stays."""
    with contextlib.suppress(KeyError, SealpostError):
        mark = meta(database, "destroyed")
        execute(database, "vacuum")
        execute(database, "delete from meta where name = 'destroyed' and value = ?", (mark,))


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Holds every other process that asks for a turn at the state at `path`."""
    lock = path.with_suffix(".lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise unusable(error) from None
    held = sqlite3.connect(lock, timeout=_TURN_SECONDS, isolation_level=None)
    try:
        _begin_exclusive(held)
        yield
    finally:
        held.close()


def _begin_exclusive(turn: sqlite3.Connection) -> None:
    try:
        turn.execute("begin exclusive")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise unusable(error) from None
        raise Locked(
            "Another sealpost command of this profile is busy.", code="busy", cure="Wait for it, or end it."
        ) from None


def broken(cause: str) -> SealpostError:
    return SealpostError(
        cause, code="damaged-state", cure="Restore it from a copy, or move it away and sign up again."
    )


def unusable(error: Exception) -> SealpostError:
    return SealpostError(
        f"The profile's state cannot be used ({error}).",
        code="unusable-state",
        cure="Is the disk full or read-only, or another command busy?",
    )
