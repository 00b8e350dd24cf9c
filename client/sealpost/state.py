"""The profile's state: one SQLite file whose values are sealed.

What a raw reader of the file sees: table and row names (uids, conversation, message and key ids), times and sizes.
What he does not: keys, tokens, addresses, texts, pins.
"""

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sealpost.database import (
    broken,
    connect,
    destroying,
    execute,
    finish_destruction,
    meta,
    transaction,
    turn,
    unusable,
)
from sealpost.errors import SealpostError, UsageError
from sealpost.key_file import KeyFile
from sealpost.records import Json, Kind, StoredMessage
from sealpost.vault import Cost, Vault, new_salt, unwrap

__all__ = ["Json", "Kind", "State", "StateFile", "StoredMessage"]

_VERSION = 1
_SCHEMA = """
create table meta (name text primary key, value blob not null) without rowid;
create table documents (kind text, id text, sealed blob not null, primary key (kind, id)) without rowid;
create table messages (
  cid text, mid text, sent_at integer not null, new integer not null, sealed blob not null, primary key (cid, mid)
) without rowid;
create index messages_in_order on messages (sent_at, mid);
"""


class StateFile:
    """The file before it is opened with a passphrase. `key_file` is where an unlock keeps its half."""

    def __init__(self, path: Path, *, key_file: Path) -> None:
        self.path = path
        self._key_file = KeyFile(key_file)

    def exists(self) -> bool:
        """Whether there is one; an empty file is none."""
        try:
            return self.path.stat().st_size > 0
        except FileNotFoundError:
            return False
        except OSError as error:
            raise unusable(error) from None

    def create(
        self, passphrase: str, *, cost: Cost | None = None, documents: Mapping[Kind, Json] | None = None
    ) -> "State":
        """A new state with its first documents. Raises UsageError when there is one.

        It is made under another name and then takes its own: a kill in between leaves no half of a profile.
        """
        making = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.parent.chmod(0o700)
            with turn(self.path):
                if self.exists():
                    raise UsageError("This profile exists already.", cure="Run the command again.")
                making.unlink(missing_ok=True)
                os.close(os.open(making, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                vault = _fill(making, passphrase, cost=cost or Cost(), documents=documents or {})
                self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)
                making.rename(self.path)
        except OSError as error:
            raise unusable(error) from None
        return State(connect(self.path), vault, self.path, self._key_file)

    def open(self, passphrase: Callable[[], str]) -> "State":
        """Opens with the passphrase, unless it is unlocked (`unlock`), when it is not asked for.

        Raises Locked when the passphrase is wrong.
        """
        database = self._database()
        vault = self._unlocked(database)
        if vault is None:
            try:
                memory, passes, lanes = json.loads(meta(database, "cost"))
                wrapped, salt = meta(database, "key"), meta(database, "salt")
            except (KeyError, TypeError, ValueError) as error:
                raise self._damaged(error) from None
            vault = unwrap(wrapped, passphrase(), salt=salt, cost=Cost(memory, passes, lanes))
        finish_destruction(database)
        return State(database, vault, self.path, self._key_file)

    def lock(self) -> None:
        """Forgets an unlock: its half in the state and its half in the key file."""
        if self.exists():
            database = self._database()
            execute(database, "delete from meta where name = 'unlock'")
            database.close()
        self._key_file.destroy()

    def _database(self) -> sqlite3.Connection:
        database = connect(self.path)
        try:
            version = int(meta(database, "version"))
        except (KeyError, ValueError) as error:
            raise self._damaged(error) from None
        if version > _VERSION:
            raise SealpostError(
                "This profile was made by a newer version of sealpost.",
                code="update-needed",
                cure="Update with: pip install --upgrade sealpost",
            )
        return database

    def _unlocked(self, database: sqlite3.Connection) -> Vault | None:
        """The vault, when an unlock is alive; a dead one is cleared away."""
        try:
            sealed = meta(database, "unlock")
            half = self._key_file.read()
        except (KeyError, ValueError, SealpostError):
            return None
        if half is None:
            return None
        key, until = half
        if time.time() < until:
            with contextlib.suppress(ValueError, SealpostError):
                return Vault(Vault(key).open(sealed, place=_unlock_place(until)))
        self.lock()
        return None

    def _damaged(self, error: Exception) -> SealpostError:
        return broken(f"{self.path} is not a Sealpost state ({error}).")


class State:
    """The opened state. One thread uses it; other processes may have the same file open."""

    def __init__(self, database: sqlite3.Connection, vault: Vault, path: Path, key_file: KeyFile) -> None:
        self._database = database
        self._vault = vault
        self._key_file = key_file
        self._alone = False
        self.path = path

    def close(self) -> None:
        self._database.close()

    def unlock(self, *, until: float) -> None:
        """Lets the state be opened without the passphrase until `until` (Unix seconds).

        A random key goes to the key file, and the state's key, sealed under it, into the state: either half alone opens
        nothing. This client keeps the time; a copy of both halves does not.
        """
        opener = Vault.create()
        with self.transaction():
            execute(
                self._database,
                "insert or replace into meta values ('unlock', ?)",
                (self._vault.share(opener, place=_unlock_place(int(until))),),
            )
            self._key_file.write(opener.secret(), until=int(until))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with transaction(self._database):
            yield

    @contextlib.contextmanager
    def destroying(self) -> Iterator[None]:
        """A transaction of its own, after which no byte of what it replaced or deleted is left in the file."""
        with destroying(self._database):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Holds every other process of this profile that asks for the same: one refreshes a session or sends."""
        if self._alone:
            yield
            return
        with turn(self.path):
            self._alone = True
            try:
                yield
            finally:
                self._alone = False

    def get(self, kind: str, identity: str = "") -> Json | None:
        row = execute(
            self._database, "select sealed from documents where kind = ? and id = ?", (kind, identity)
        ).fetchone()
        return None if row is None else self._open(row[0], kind, identity)

    def put(self, kind: str, value: Mapping[str, object], identity: str = "") -> None:
        execute(
            self._database,
            "insert or replace into documents values (?, ?, ?)",
            (kind, identity, self._seal(value, kind, identity)),
        )

    def delete(self, kind: str, identity: str = "") -> None:
        execute(self._database, "delete from documents where kind = ? and id = ?", (kind, identity))

    def all(self, kind: str) -> list[Json]:
        rows = execute(self._database, "select id, sealed from documents where kind = ? order by id", (kind,))
        return [self._open(sealed, kind, identity) for identity, sealed in rows.fetchall()]

    def put_message(self, message: StoredMessage) -> None:
        execute(
            self._database,
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
        rows = execute(self._database, "select sent_at from messages order by sent_at desc limit ?", (count,))
        return [sent_at for (sent_at,) in rows.fetchall()]

    def mark_shown(self, cid: str, mid: str) -> None:
        execute(self._database, "update messages set new = 0 where cid = ? and mid = ? and new", (cid, mid))

    def _messages(self, where: str, values: tuple[object, ...]) -> list[StoredMessage]:
        rows = execute(
            self._database,
            f"select cid, mid, sent_at, new, sealed from messages where {where} order by sent_at, mid",  # noqa: S608 - `where` is written above
            values,
        )
        return [
            StoredMessage(cid, mid, sent_at, bool(new), self._open(sealed, "messages", f"{cid}/{mid}"))
            for cid, mid, sent_at, new, sealed in rows.fetchall()
        ]

    def _seal(self, value: Mapping[str, object], kind: str, identity: str) -> bytes:
        return self._vault.seal(json.dumps(value).encode(), place=f"{kind}/{identity}")

    def _open(self, sealed: bytes, kind: str, identity: str) -> Json:
        value: Json = json.loads(self._vault.open(sealed, place=f"{kind}/{identity}"))
        return value


def _fill(path: Path, passphrase: str, *, cost: Cost, documents: Mapping[Kind, Json]) -> Vault:
    """Schema, the wrapped key and the first documents, in one transaction."""
    vault, salt = Vault.create(), new_salt()
    rows = {
        "version": str(_VERSION).encode(),
        "salt": salt,
        "cost": json.dumps([cost.memory, cost.passes, cost.lanes]).encode(),
        "key": vault.wrap(passphrase, salt=salt, cost=cost),
    }
    database = connect(path)
    with contextlib.closing(database), transaction(database):
        for statement in _SCHEMA.split(";"):
            execute(database, statement)
        for row in rows.items():
            execute(database, "insert into meta values (?, ?)", row)
        state = State(database, vault, path, KeyFile(path))
        for kind, document in documents.items():
            state.put(kind, document)
    return vault


def _unlock_place(until: int) -> str:
    return f"unlocked until {until}"
