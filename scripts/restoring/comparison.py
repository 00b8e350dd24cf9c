"""What two databases hold, and in what a restore differs from what was there."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from common.backups.model import COLLECTIONS
from common.storage.postgres.connect import Connect
from scripts.restoring.crowd import Acknowledged
from scripts.restoring.documents import Documents

_LAST = "last_message_at"
_NOT_COMPARED = ("restores",)
"""What a restore itself writes; and the flags that it sets, which are left out of each row."""
_TABLES = """
select relname::text from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence = 'p'"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    documents: dict[str, tuple[str, int]]
    """By path: the checksum of the fields, but for a conversation's last_message_at, which stands beside it."""
    rows: dict[str, frozenset[str]]
    """By table: the checksums of its rows."""


def snapshot(documents: Documents, relations: Connect) -> Snapshot:
    return Snapshot(_documents(documents), _rows(relations))


def differences(
    before: Snapshot,
    restored: Snapshot,
    after: Snapshot,
    acknowledged: Iterable[Acknowledged],
    sent: Documents,
) -> list[str]:
    """In what a restore differs from what was there `before` the backup began; what came while it ran may be there, whole.

    `after` is what was there when it had ended, and `acknowledged` the messages of before as their senders remember them.
    """
    found = [*_lost(before, restored), *_half(restored, after)]
    found += [
        f"{each.path} is not what was acknowledged" for each in acknowledged if not _is_there(each, sent)
    ]
    return found


def _lost(before: Snapshot, restored: Snapshot) -> list[str]:
    found = []
    for path, (checksum, last) in before.documents.items():
        there = restored.documents.get(path)
        if there is None:
            found.append(f"{path} is missing")
        elif there[0] != checksum or there[1] < last:
            found.append(f"{path} has other fields")
    for table, rows in before.rows.items():
        if missing := rows - restored.rows.get(table, frozenset()):
            found.append(f"{len(missing)} rows of {table} are missing or others")
    return found


def _half(restored: Snapshot, after: Snapshot) -> list[str]:
    found = []
    for path, (checksum, last) in restored.documents.items():
        there = after.documents.get(path)
        if there is None or there[0] != checksum or there[1] < last:
            found.append(f"{path} was never so")
    for table, rows in restored.rows.items():
        if surplus := rows - after.rows.get(table, frozenset()):
            found.append(f"{len(surplus)} rows of {table} were never so")
    return found


def _is_there(message: Acknowledged, documents: Documents) -> bool:
    fields = documents.fields(message.path)
    if fields is None:
        return False
    stamp = fields["sent_at"].timestamp_value
    told = f"{stamp.ToDatetime():%Y-%m-%dT%H:%M:%S}.{stamp.nanos // 1000:06d}Z"
    return (fields["envelope"].string_value, told) == (message.envelope, message.sent_at)


def _documents(documents: Documents) -> dict[str, tuple[str, int]]:
    found = {}
    for collection in COLLECTIONS:
        after: str | None = None
        while page := documents.page(collection, after):
            for each in page:
                found[documents.path(each)] = _checksum(each)
            after = documents.path(page[-1])
    return found


def _checksum(document: Any) -> tuple[str, int]:
    digest = hashlib.sha256()
    for name in sorted(set(document.fields) - {_LAST}):
        digest.update(name.encode() + b"\0" + document.fields[name].SerializeToString(deterministic=True))
    last = int(document.fields[_LAST].integer_value) if _LAST in document.fields else 0
    return digest.hexdigest(), last


def _rows(connect: Connect) -> dict[str, frozenset[str]]:
    connection = connect(60.0)
    try:
        tables = [table for (table,) in connection.simple(_TABLES) if table not in _NOT_COMPARED]
        return {
            table: frozenset(
                row
                for (row,) in connection.simple(
                    f"select md5((to_jsonb(each) - 'restored')::text) from {table} each"  # noqa: S608 - from the catalogue
                )
            )
            for table in tables
        }
    finally:
        connection.close()
