"""The profile's state: one SQLite file whose values are sealed.

What a raw reader of the file sees: table and row names (uids, conversation, message and key ids), times and sizes.
What he does not: keys, tokens, addresses, texts, pins.

The rollback journal is used, not a write-ahead log: a log keeps old pages, and a destroyed private key must go.
"""

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealpost.errors import Locked, SealpostError
from sealpost.vault import Cost, Vault, new_salt, unwrap

_VERSION = 1
_BUSY_SECONDS = 15.0
_TURN_SECONDS = 120.0
_SYNCHRONOUS = "full"
_SCHEMA = """
create table meta (name text primary key, value blob not null) without rowid;
create table documents (kind text, id text, sealed blob not null, primary key (kind, id)) without rowid;
create table messages (
  cid text, mid text, sent_at integer not null, new integer not null, sealed blob not null, primary key (cid, mid)
) without rowid;
create index messages_in_order on messages (sent_at, mid);
"""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """`sent_at` is the server's time in microseconds; `new` until it was shown; `content` as receiving and sending make it."""

    cid: str
    mid: str
    sent_at: int
    new: bool
    content: Json


class StateFile:
    """The file before it is opened with a passphrase."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        return self.path.exists()

    def create(self, passphrase: str, *, cost: Cost | None = None) -> "State":
        """A new state. Raises FileExistsError when there is one."""
        cost = cost or Cost()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)
        vault, salt = Vault.create(), new_salt()
        wrapped = vault.wrap(passphrase, salt=salt, cost=cost)
        os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        database = _connect(self.path)
        with _transaction(database):
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.executemany(
                "insert into meta values (?, ?)",
                [
                    ("version", str(_VERSION).encode()),
                    ("salt", salt),
                    ("cost", json.dumps([cost.memory, cost.passes, cost.lanes]).encode()),
                    ("key", wrapped),
                ],
            )
        return State(database, vault, self.path)

    def open(self, passphrase: Callable[[], str]) -> "State":
        """Opens with the passphrase, unless it is unlocked (`unlock`), when it is not asked for.

        Raises Locked when the passphrase is wrong.
        """
        database = self._database()
        vault = self._unlocked(database)
        if vault is None:
            memory, passes, lanes = json.loads(_meta(database, "cost"))
            vault = unwrap(
                _meta(database, "key"),
                passphrase(),
                salt=_meta(database, "salt"),
                cost=Cost(memory, passes, lanes),
            )
        return State(database, vault, self.path)

    def lock(self, key_file: Path) -> None:
        """Forgets an unlock: its half in the state and its half in `key_file`."""
        if self.exists():
            database = self._database()
            database.execute("delete from meta where name in ('unlock', 'unlock_file')")
            database.close()
        _destroy(key_file)

    def _database(self) -> sqlite3.Connection:
        try:
            database = _connect(self.path)
            version = int(_meta(database, "version"))
        except (sqlite3.DatabaseError, KeyError, ValueError) as error:
            if isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error):
                raise
            raise SealpostError(
                f"{self.path} is not a Sealpost state ({error}).",
                code="damaged-state",
                cure="Restore it from a copy, or move it away and sign up again.",
            ) from None
        if version > _VERSION:
            raise SealpostError(
                "This profile was made by a newer version of sealpost.",
                code="update-needed",
                cure="Update with: pip install --upgrade sealpost",
            )
        return database

    def _unlocked(self, database: sqlite3.Connection) -> Vault | None:
        """The vault, when an unlock is alive; a dead one is cleared away."""
        row = database.execute("select value from meta where name = 'unlock_file'").fetchone()
        if row is None:
            return None
        key_file = Path(row[0].decode())
        try:
            until, key = _read_key_file(key_file)
            if time.time() < until:
                sealed = _meta(database, "unlock")
                return Vault(Vault(key).open(sealed, place=_unlock_place(until)))
        except (OSError, ValueError, KeyError, SealpostError):
            pass
        self.lock(key_file)
        return None


class State:
    """The opened state. One thread uses it; other processes may have the same file open."""

    def __init__(self, database: sqlite3.Connection, vault: Vault, path: Path) -> None:
        self._database = database
        self._vault = vault
        self._alone = False
        self.path = path

    def close(self) -> None:
        self._database.close()

    def unlock(self, key_file: Path, *, until: float) -> None:
        """Lets the state be opened without the passphrase until `until` (Unix seconds).

        A random key goes to `key_file` (0600), and the state's key, sealed under it, into the state: either half
        alone opens nothing. The time is authenticated with the sealed half.
        """
        opener = Vault.create()
        key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _destroy(key_file)
        handle = os.open(key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(f"{int(until)}\n".encode() + opener.secret())
        with self.transaction():
            self._database.executemany(
                "insert or replace into meta values (?, ?)",
                [
                    ("unlock", self._vault.share(opener, place=_unlock_place(int(until)))),
                    ("unlock_file", str(key_file).encode()),
                ],
            )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with _transaction(self._database):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Holds every other process of this profile that asks for the same: one refreshes a session or sends."""
        if self._alone:
            yield
            return
        path = self.path.with_suffix(".lock")
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        turn = sqlite3.connect(path, timeout=_TURN_SECONDS, isolation_level=None)
        try:
            _begin_exclusive(turn)
            self._alone = True
            yield
        finally:
            self._alone = False
            turn.close()

    def get(self, kind: str, identity: str = "") -> Json | None:
        row = self._database.execute(
            "select sealed from documents where kind = ? and id = ?", (kind, identity)
        ).fetchone()
        return None if row is None else self._open(row[0], kind, identity)

    def put(self, kind: str, value: Mapping[str, Any], identity: str = "") -> None:
        self._database.execute(
            "insert or replace into documents values (?, ?, ?)",
            (kind, identity, self._seal(value, kind, identity)),
        )

    def delete(self, kind: str, identity: str = "") -> None:
        self._database.execute("delete from documents where kind = ? and id = ?", (kind, identity))

    def all(self, kind: str) -> list[Json]:
        rows = self._database.execute("select id, sealed from documents where kind = ? order by id", (kind,))
        return [self._open(sealed, kind, identity) for identity, sealed in rows.fetchall()]

    def put_message(self, message: StoredMessage) -> None:
        self._database.execute(
            "insert or replace into messages values (?, ?, ?, ?, ?)",
            (
                message.cid,
                message.mid,
                message.sent_at,
                int(message.new),
                self._seal(message.content, "messages", f"{message.cid}/{message.mid}"),
            ),
        )

    def message(self, cid: str, mid: str) -> StoredMessage | None:
        found = self._messages("cid = ? and mid = ?", (cid, mid))
        return found[0] if found else None

    def messages(self, *, new: bool = False) -> list[StoredMessage]:
        """All, or the ones not shown yet, in the server's order."""
        return self._messages("new >= ?", (int(new),))

    def newest_times(self, count: int) -> list[int]:
        """Times of the newest messages, sent and refused ones too (microseconds), newest first."""
        rows = self._database.execute("select sent_at from messages order by sent_at desc limit ?", (count,))
        return [sent_at for (sent_at,) in rows.fetchall()]

    def mark_shown(self, cid: str, mid: str) -> None:
        self._database.execute("update messages set new = 0 where cid = ? and mid = ?", (cid, mid))

    def _messages(self, where: str, values: tuple[object, ...]) -> list[StoredMessage]:
        rows = self._database.execute(
            f"select cid, mid, sent_at, new, sealed from messages where {where} order by sent_at, mid",  # noqa: S608 - `where` is written above
            values,
        )
        return [
            StoredMessage(cid, mid, sent_at, bool(new), self._open(sealed, "messages", f"{cid}/{mid}"))
            for cid, mid, sent_at, new, sealed in rows.fetchall()
        ]

    def _seal(self, value: Mapping[str, Any], kind: str, identity: str) -> bytes:
        return self._vault.seal(json.dumps(value).encode(), place=f"{kind}/{identity}")

    def _open(self, sealed: bytes, kind: str, identity: str) -> Json:
        value: Json = json.loads(self._vault.open(sealed, place=f"{kind}/{identity}"))
        return value


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    database.execute("pragma journal_mode = delete")
    database.execute("pragma secure_delete = on")
    database.execute(f"pragma synchronous = {_SYNCHRONOUS}")
    database.execute("pragma temp_store = memory")
    return database


def _begin_exclusive(turn: sqlite3.Connection) -> None:
    try:
        turn.execute("begin exclusive")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise Locked(
            "Another sealpost command of this profile is busy.", code="busy", cure="Wait for it, or end it."
        ) from None


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """One write transaction; inside another one, a part of it."""
    if database.in_transaction:
        yield
        return
    database.execute("begin immediate")
    try:
        yield
    except BaseException:
        database.execute("rollback")
        raise
    database.execute("commit")


def _meta(database: sqlite3.Connection, name: str) -> bytes:
    row = database.execute("select value from meta where name = ?", (name,)).fetchone()
    if row is None:
        raise KeyError(name)
    value: bytes = row[0]
    return value


def _unlock_place(until: int) -> str:
    return f"unlocked until {until}"


def _read_key_file(path: Path) -> tuple[int, bytes]:
    until, _, key = path.read_bytes().partition(b"\n")
    return int(until), key


def _destroy(path: Path) -> None:
    """Overwrites and removes. The overwriting is worth nothing on a copying file system; the other half is what counts."""
    with contextlib.suppress(FileNotFoundError):
        path.write_bytes(os.urandom(path.stat().st_size))
        path.unlink()
