import gzip
from collections.abc import AsyncIterator

import pytest

from common.backups import BackupRefused
from common.backups.dump import read_dump
from common.backups.model import Relations
from tests.fakes.backups import DUMP, zipped

HELD = Relations(migration="0002_roles.sql", rows={"accounts": 2, "migrations": 2, "proofs": 0})


async def pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1 << 20])
async def test_a_dump_is_read_in_pieces_of_any_size(size: int) -> None:
    assert await read_dump(pieces(zipped(), size)) == HELD


async def test_a_dump_may_have_several_gzip_members() -> None:
    assert await read_dump(pieces(gzip.compress(DUMP[:300]) + gzip.compress(DUMP[300:]), 11)) == HELD


async def test_a_line_of_a_row_that_looks_like_sql_is_a_row() -> None:
    """Newlines are escaped in rows, so whatever stands between COPY and its end is one."""
    odd = b"COPY public.blocks (uid) FROM stdin;\nCOPY public.members (cid) FROM stdin;\n-- x\n\\\\.\n\\.\n"
    held = await read_dump(pieces(zipped(odd + DUMP), 9))
    assert held.rows == {**HELD.rows, "blocks": 3}


async def test_a_dump_of_many_rows_is_read_in_little_memory() -> None:
    rows = b"".join(b"COPY public.blocks (uid) FROM stdin;\n" + b"x" * 99 + b"\n\\.\n" for _ in range(2_000))
    assert (await read_dump(pieces(zipped(rows + DUMP), 1 << 16))).rows["blocks"] == 2_000


@pytest.mark.parametrize("cut", [1, 8, 40, 200])
async def test_a_dump_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(BackupRefused, match="ends too early"):
        await read_dump(pieces(zipped()[:-cut], 32))


@pytest.mark.parametrize("end", [b"-- PostgreSQL database dump complete", b"\\.\n\nCOPY public.proofs"])
async def test_a_dump_that_was_broken_off_is_refused(end: bytes) -> None:
    """Zipped whole, but of a pg_dump that did not come to its end."""
    with pytest.raises(BackupRefused, match="ends too early"):
        await read_dump(pieces(zipped(DUMP[: DUMP.index(end)]), 32))


async def test_an_empty_object_is_no_dump() -> None:
    with pytest.raises(BackupRefused, match="ends too early"):
        await read_dump(pieces(b"", 1))


async def test_a_flipped_bit_in_a_dump_is_refused_or_stands_in_gzips_own_header() -> None:
    content = zipped()
    for place in range(10, len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 0x10
        with pytest.raises(BackupRefused):
            await read_dump(pieces(bytes(flipped), 64))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"public.migrations", b"public.migration"), "names no migration"),
        ((b"2\t0002", b"two\t0002"), "cannot be"),
        ((b"(number, name,", b"(nr, name,"), "cannot be"),
    ],
)
async def test_a_dump_without_its_migrations_is_refused(change: tuple[bytes, bytes], reason: str) -> None:
    with pytest.raises(BackupRefused, match=reason):
        await read_dump(pieces(zipped(DUMP.replace(*change)), 64))
