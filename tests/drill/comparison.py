"""What two databases hold, and in what a restore differs from what was there."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from common.backups.model import COLLECTIONS
from common.storage.firestore.client import rfc3339
from common.storage.firestore.restored import Documents
from common.storage.postgres.connect import Connect
from tests.drill.crowd import Acknowledged

_LAST = "last_message_at"
_NOT_COMPARED = ("restores",)
"""What a restore itself writes; and the flags that it sets, which are left out of each row."""
_TABLES = """
select relname::text from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence = 'p'"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A document."""

    checksum: str
    """Of all fields but a conversation's last_message_at."""
    last: int = 0
    told: tuple[str, str] | None = None
    """A message's envelope, as a checksum, and when it was sent."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    documents: dict[str, Seen]
    """By path."""
    rows: dict[str, Counter[str]]
    """By table: the checksums of its rows."""


def snapshot(documents: Documents, relations: Connect) -> Snapshot:
    return Snapshot(_documents(documents), _rows(relations))


def differences(
    before: Snapshot, restored: Snapshot, after: Snapshot, acknowledged: Iterable[Acknowledged]
) -> list[str]:
    """In what a restore differs from what was there `before` the backup began; what came while it ran may be there, whole.

    `after` is what was there when it had ended, and `acknowledged` the messages of before as their senders remember them.
    """
    return [*_lost(before, restored), *_half(restored, after), *_forgotten(restored, acknowledged)]


def _lost(before: Snapshot, restored: Snapshot) -> Iterator[str]:
    for path, document in before.documents.items():
        there = restored.documents.get(path)
        if there is None:
            yield f"{path} is missing"
        elif there.checksum != document.checksum or there.last < document.last:
            yield f"{path} has other fields"
    for table, rows in before.rows.items():
        if missing := rows - restored.rows.get(table, Counter()):
            yield f"{missing.total()} rows of {table} are missing or others"


def _half(restored: Snapshot, after: Snapshot) -> Iterator[str]:
    for path, document in restored.documents.items():
        there = after.documents.get(path)
        if there is None or there.checksum != document.checksum or there.last < document.last:
            yield f"{path} was never so"
    for table, rows in restored.rows.items():
        if surplus := rows - after.rows.get(table, Counter()):
            yield f"{surplus.total()} rows of {table} were never so"


def _forgotten(restored: Snapshot, acknowledged: Iterable[Acknowledged]) -> Iterator[str]:
    for message in acknowledged:
        there = restored.documents.get(message.path)
        if there is None or there.told != (_digest(message.envelope), message.sent_at):
            yield f"{message.path} is not what was acknowledged"


def _documents(documents: Documents) -> dict[str, Seen]:
    found = {}
    for collection in COLLECTIONS:
        after: str | None = None
        while page := documents.page(collection, after):
            for each in page:
                found[documents.path(each)] = _seen(each.fields)
            after = documents.path(page[-1])
    return found


def _seen(fields: Any) -> Seen:
    digest = hashlib.sha256()
    for name in sorted(set(fields) - {_LAST}):
        digest.update(name.encode() + b"\0" + fields[name].SerializeToString(deterministic=True))
    if _LAST in fields:
        return Seen(digest.hexdigest(), int(fields[_LAST].integer_value))
    told = (_digest(fields["envelope"].string_value), rfc3339(fields["sent_at"].timestamp_value))
    return Seen(digest.hexdigest(), told=told)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _rows(connect: Connect) -> dict[str, Counter[str]]:
    connection = connect(60.0)
    try:
        tables = [table for (table,) in connection.simple(_TABLES) if table not in _NOT_COMPARED]
        return {
            table: Counter(
                row
                for (row,) in connection.simple(
                    f"select md5((to_jsonb(each) - 'restored')::text) from {table} each"  # noqa: S608 - from the catalogue
                )
            )
            for table in tables
        }
    finally:
        connection.close()
