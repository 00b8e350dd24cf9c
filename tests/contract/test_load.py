"""A dump of a real database, loaded into a new one: all of it, or nothing."""

import asyncio
import gzip
import io
import json
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from common.backups.dump import read_dump
from common.backups.model import BackupRefused, Relations
from common.storage.backups.dump import DumpedRelations
from common.storage.postgres.connect import plain
from common.storage.postgres.failures import ConnectionLost, StatementFailed
from common.storage.postgres.load import RestoreRefused, Target, load
from common.storage.postgres.migrate import migrate, read
from scripts.local.stack import Backing

A, B = "a" * 43, "b" * 43
AWKWARD = "tab\tnewline\nbackslash\\ \\. quote' \u00fc \U0001f600"
FILL = f"""
insert into accounts (uid, address_index, created_at)
    select 'u' || n, decode(lpad(to_hex(n), 64, '0'), 'hex'), now() from generate_series(1, 2000) n;
insert into devices (id, uid, modulus, state, created_at, activated_at)
    values ('{A}', 'u1', repeat('m', 512), 'active', now(), now());
insert into sessions (id, uid, device, refresh_hash, created_at, expires_at, name)
    values (repeat('s', 22), 'u1', '{A}', '{B}', now(), now(), null);
insert into audit_log (uid, at, act) select 'u1', now(), 'seen' from generate_series(1, 30);
delete from audit_log where id = 30;
insert into rate_limits values (decode(repeat('00', 32), 'hex'), 60, 1, now());
"""  # noqa: S608


@dataclass
class World:
    """A database with rows, what pg_dump makes of it, and where it is to be loaded."""

    source: str
    dump: bytes
    relations: Relations
    target: Target
    told: list[str] = field(default_factory=list)

    def load(self, dump: bytes | None = None, relations: Relations | None = None) -> None:
        counted = relations or self.relations
        load(
            self.target,
            io.BytesIO(self.dump if dump is None else dump),
            migration=counted.migration,
            rows=counted.rows,
            tell=self.told.append,
        )
        self.target.migrate()

    def edited(self, old: str, new: str) -> bytes:
        text = gzip.decompress(self.dump).decode()
        assert text.count(old) == 1
        return gzip.compress(text.replace(old, new).encode())


@pytest.fixture(scope="module")
def source(
    server: str, backing: Backing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, bytes]]:
    name = f"source_{uuid.uuid4().hex[:8]}"
    backing.postgres.create(name)
    dsn = backing.postgres.dsn(name)
    migrate(plain(dsn))
    connection = plain(dsn)(10)
    connection.simple(FILL)
    connection.run(
        "insert into dead_events values ('f', cast(:id as text), 'k', 'r', 1, now(), now())", id=AWKWARD
    )
    connection.close()
    folder: Path = tmp_path_factory.mktemp("dump")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{backing.postgres_programs}{os.pathsep}{os.environ['PATH']}")
        asyncio.run(DumpedRelations(folder=folder, dsn=dsn).start("relations.sql.gz"))
    yield dsn, (folder / "relations.sql.gz").read_bytes()
    backing.postgres.drop(name)


@pytest.fixture
async def world(server: str, backing: Backing, source: tuple[str, bytes]) -> AsyncIterator[World]:
    dsn, dump = source
    name = f"restored_{uuid.uuid4().hex[:8]}"
    target = Target(
        name=name, backup="digest", server=plain(server), connect=plain(backing.postgres.dsn(name))
    )

    async def pieces() -> AsyncIterator[bytes]:
        yield dump

    yield World(dsn, dump, await read_dump(pieces()), target)
    backing.postgres.drop(name)


def rows(dsn_or_target: str | Target) -> dict[str, list[str]]:
    """Every row of each logged table, as JSON."""
    connect = plain(dsn_or_target) if isinstance(dsn_or_target, str) else dsn_or_target.connect
    connection = connect(10)
    tables = connection.simple(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind = 'r' and relpersistence = 'p' order by 1"
    )
    found = {
        table: [
            json.dumps(row)
            for (row,) in connection.simple(f"select row_to_json(t) from {table} t order by t::text")  # noqa: S608 - from the catalogue
        ]
        for (table,) in tables
    }
    connection.close()
    return found


def foreign_keys(dsn_or_target: str | Target) -> list[list[str]]:
    connect = plain(dsn_or_target) if isinstance(dsn_or_target, str) else dsn_or_target.connect
    connection = connect(10)
    found = connection.simple(
        "select conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)::text"
        " from pg_constraint where contype = 'f' order by 1, 2"
    )
    connection.close()
    return found


def is_empty(target: Target) -> bool:
    return not any(found for table, found in rows(target).items() if table != "migrations")


def test_every_row_comes_back_as_it_was(world: World) -> None:
    assert world.target.claim() == "made"
    world.load()
    assert rows(world.target) == rows(world.source)
    assert foreign_keys(world.target) == foreign_keys(world.source)
    assert world.target.claim() == "loaded"
    assert "accounts 2,000" in world.told


def test_new_rows_go_on_where_the_old_ones_ended(world: World) -> None:
    world.target.claim()
    world.load()
    connection = world.target.open()
    made = connection.simple("insert into audit_log (uid, at, act) values ('u1', now(), 'seen') returning id")
    connection.close()
    assert made == [[30]]


def test_a_dump_of_an_older_schema_is_brought_up_to_date(
    world: World,
) -> None:
    older = read()[:-1]
    text = gzip.decompress(world.dump).decode()
    line = next(row for row in text.splitlines() if read()[-1].name in row)
    without = text.replace(f"{line}\n", "")
    without = without.replace(", restored", "")
    without = "\n".join(
        row.removesuffix("\tf") if row.startswith((A, "s" * 22)) else row for row in without.split("\n")
    )
    for table in ("restores", "removed_devices"):
        head, _, rest = without.partition(f"COPY public.{table} (")
        without = head + rest.partition("\\.\n")[2]
    added = {"restores", "removed_devices"}
    counted = {table: count for table, count in world.relations.rows.items() if table not in added}
    relations = Relations(migration=older[-1].name, rows=counted | {"migrations": counted["migrations"] - 1})
    world.target.claim()
    world.load(gzip.compress(without.encode()), relations)
    restored = rows(world.target)
    assert restored.pop("migrations") != rows(world.source)["migrations"]  # the last was applied anew
    assert restored == {table: found for table, found in rows(world.source).items() if table != "migrations"}


@pytest.mark.parametrize("where", [0.001, 0.5, 0.99])
def test_a_truncated_dump_leaves_nothing(world: World, where: float) -> None:
    world.target.claim()
    with pytest.raises(BackupRefused):
        world.load(world.dump[: int(len(world.dump) * where)])
    assert world.target.claim() == "made"
    assert is_empty(world.target)
    world.load()
    assert rows(world.target) == rows(world.source)


def test_a_flipped_bit_leaves_nothing(world: World) -> None:
    damaged = bytearray(world.dump)
    damaged[len(damaged) // 2] ^= 1
    world.target.claim()
    with pytest.raises((BackupRefused, RestoreRefused)):
        world.load(bytes(damaged))
    assert is_empty(world.target)


def test_other_rows_than_the_manifest_counts_are_refused(world: World) -> None:
    world.target.claim()
    with pytest.raises(BackupRefused, match="rows that its manifest counts"):
        world.load(relations=replace(world.relations, rows={**world.relations.rows, "accounts": 1999}))
    assert is_empty(world.target)


def test_rows_that_name_what_is_not_there_are_refused(world: World) -> None:
    world.target.claim()
    with pytest.raises(RestoreRefused, match="23503"):
        world.load(world.edited(f"{A}\tu1\t", f"{A}\tnobody\t"))
    assert is_empty(world.target)


def test_a_dump_of_a_newer_release_is_refused(world: World) -> None:
    world.target.claim()
    with pytest.raises(RestoreRefused, match="newer release, which has 9999_later"):
        world.load(relations=replace(world.relations, migration="9999_later.sql"))


def test_postgres_dies_in_the_middle_and_another_run_goes_on(world: World, server: str) -> None:
    def die(told: str) -> None:
        if told.startswith("accounts"):
            connection = plain(server)(10)
            connection.run(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = cast(:name as text)",
                name=world.target.name,
            )
            connection.close()

    world.target.claim()
    with pytest.raises(ConnectionLost):
        load(
            world.target,
            io.BytesIO(world.dump),
            migration=world.relations.migration,
            rows=world.relations.rows,
            tell=die,
        )
    assert world.target.claim() == "made"
    assert is_empty(world.target)
    world.load()
    assert rows(world.target) == rows(world.source)


def test_a_full_disk_is_said_and_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StatementFailed("53100", None)

    world.target.claim()
    with monkeypatch.context() as patch:
        patch.setattr("common.storage.postgres.connection.Connection.copy", full)
        with pytest.raises(RestoreRefused, match="no room left"):
            world.load()
    assert is_empty(world.target)


def test_a_living_database_is_never_touched(world: World, source: tuple[str, bytes], server: str) -> None:
    dsn, _ = source
    before = rows(dsn)
    name = dsn.rpartition("/")[2]
    living = replace(world.target, name=name, connect=plain(dsn))
    with pytest.raises(RestoreRefused, match=f"{name} is there already"):
        living.claim()
    assert rows(dsn) == before
    world.target.claim()
    with pytest.raises(RestoreRefused, match="not from a restore of this backup"):
        replace(world.target, backup="another").claim()


def test_a_database_that_an_earlier_run_made_and_no_more_is_taken(world: World, backing: Backing) -> None:
    backing.postgres.create(world.target.name)
    assert world.target.claim() == "made"
    assert world.target.claim() == "made"
