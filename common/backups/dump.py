r"""Reading a plain, gzipped dump of pg_dump's (which Cloud SQL's export is too) as a stream, in constant memory.

A dump is SQL, and each table's rows are lines between `COPY schema.table (columns) FROM stdin;` and `\.`, in which
newlines are escaped. It ends with a comment that says so.
"""

import re
import zlib
from collections.abc import AsyncIterable, AsyncIterator

from common.backups.model import BackupRefused, Relations

END = b"-- PostgreSQL database dump complete"
MIGRATIONS = "migrations"

COPY = re.compile(rb"COPY public\.([a-z_][a-z0-9_]*) \(([a-z0-9_, \"]+)\) FROM stdin;")
_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 1 << 20


async def lines(compressed: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The lines of a gzipped text, without their ends.

    Raises:
        BackupRefused: it is damaged, or ends too early.
    """
    rest = b""
    async for piece in _unzipped(compressed):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


async def read_dump(compressed: AsyncIterable[bytes]) -> Relations:
    """Count the rows of each table, and find the newest migration.

    Raises:
        BackupRefused: the dump is damaged, ends too early, or is none of ours.
    """
    rows: dict[str, int] = {}
    migrations: dict[int, str] = {}
    table, columns, ended = "", [""], False
    async for line in lines(compressed):
        if table:
            if line == rb"\.":
                table = ""
                continue
            rows[table] += 1
            if table == MIGRATIONS:
                number, name = _migration(columns, line)
                migrations[number] = name
        elif begin := COPY.fullmatch(line):
            table, columns = begin[1].decode(), begin[2].decode().split(", ")
            rows.setdefault(table, 0)
        elif line == END:
            ended = True
    if table or not ended:
        raise BackupRefused("The dump of the relations ends too early.")
    if not migrations:
        raise BackupRefused("The dump of the relations names no migration.")
    return Relations(migration=migrations[max(migrations)], rows=rows)


def _migration(columns: list[str], line: bytes) -> tuple[int, str]:
    row = dict(zip(columns, line.decode("utf-8", "replace").split("\t"), strict=False))
    try:
        return int(row["number"]), row["name"]
    except (KeyError, ValueError):
        raise BackupRefused("The dump of the relations names a migration that cannot be.") from None


async def _unzipped(compressed: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Gzip may have several members, one after the other."""
    unzip = zlib.decompressobj(_GZIP)
    async for given in compressed:
        data = given
        while data:
            if unzip.eof:
                unzip = zlib.decompressobj(_GZIP)
            try:
                piece = unzip.decompress(data, _PIECE)
            except zlib.error:
                raise BackupRefused("The dump of the relations is damaged: it cannot be unzipped.") from None
            data = unzip.unused_data if unzip.eof else unzip.unconsumed_tail
            if piece:
                yield piece
    if not unzip.eof:
        raise BackupRefused("The dump of the relations ends too early.")
