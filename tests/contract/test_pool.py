"""The pool against a real PostgreSQL: reuse, bounds, deadlines, and what a lost or frozen server does to it."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pg8000.dbapi
import pytest
from google.auth.exceptions import RefreshError
from google.cloud.sql.connector import IPTypes

from common.clock import deadline
from common.errors import DeadlineExceeded, NotFound, Unavailable
from common.storage.postgres.connect import cloud_sql, plain
from common.storage.postgres.connection import Connection, Run
from common.storage.postgres.failures import ConnectionLost, StatementFailed
from common.storage.postgres.pool import Pool
from scripts.local.wire import PostgresWatch, proxied

ADD = "select :one::bigint + :other::bigint"
PID = "select pg_backend_pid()"
PORT_OF_NOBODY = 1


def through(dsn: str, port: int) -> str:
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()


async def test_values_of_every_type_used_come_back_as_they_went(pool: Pool) -> None:
    sql = "select :text::text, :bytes::bytea, :number::bigint, :none::text, :real::double precision, :texts::text[]"
    values = {
        "text": "'\\ü",
        "bytes": b"\x00\\'",
        "number": 2**53,
        "none": None,
        "real": 1.5,
        "texts": ['a"b', None, "{,}"],
    }
    assert await pool.run(sql, **values) == [list(values.values())]


async def test_a_prepared_statement_is_one_round_trip_and_is_prepared_once(dsn: str) -> None:
    watch = PostgresWatch()
    async with proxied(urlsplit(dsn).port or 0, watch) as proxy:
        pool = Pool(connect=plain(through(dsn, proxy.port)), size=1)
        await pool.run(ADD, one=1, other=2)
        prepared = watch.seen["P"]
        before = watch.round_trips
        for number in range(10):
            assert await pool.run(ADD, one=number, other=2) == [[number + 2]]
        assert watch.round_trips - before == 10
        assert watch.seen["P"] == prepared == 1
        await asyncio.to_thread(pool.close)


async def test_the_connectors_class_of_connection_prepares_as_pg8000s_own(dsn: str) -> None:
    """The Cloud SQL connector hands pg8000.dbapi a socket that speaks TLS already."""
    parts = urlsplit(dsn)

    def connector_like(seconds: float) -> Connection:
        sock = socket.create_connection(("127.0.0.1", parts.port or 0), timeout=seconds)
        raw = pg8000.dbapi.connect(
            parts.username, database=parts.path[1:], password=None, sock=sock, ssl_context=False
        )
        return Connection(raw)

    pools = [Pool(connect=connector_like, size=1), Pool(connect=plain(dsn), size=1)]
    for pool in pools:
        assert await pool.run(ADD, one=1, other=2) == [[3]]
        assert await pool.transaction(lambda run: run(ADD, one=3, other=4) + run(ADD, one=5, other=6)) == [
            [7],
            [11],
        ]
        names = await pool.run(
            "select count(*) from pg_prepared_statements where statement like :like",
            like="select $1::bigint%",
        )
        assert names == [[1]]
        assert await pool.run("select pg_current_xact_id_if_assigned() is null") == [[True]]
        pool.close()


async def test_the_connector_is_asked_as_it_must_be(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    made: list[dict[str, object]] = []
    asked: list[dict[str, object]] = []

    class Connector:
        def __init__(self, **options: object) -> None:
            made.append(options)

        def connect(self, instance: str, driver: str, **options: object) -> object:
            asked.append({"instance": instance, "driver": driver, **options})
            parts = urlsplit(dsn)
            sock = socket.create_connection(("127.0.0.1", parts.port or 0))
            return pg8000.dbapi.connect(
                parts.username or "", database=parts.path[1:], sock=sock, ssl_context=options["ssl_context"]
            )

    monkeypatch.setattr("google.cloud.sql.connector.Connector", Connector)
    pool = Pool(connect=cloud_sql("project:region:name", "sa@project.iam", "sealpost"), size=2)
    assert made == []
    assert await asyncio.gather(*(pool.run(ADD, one=1, other=n) for n in range(4))) == [
        [[n + 1]] for n in range(4)
    ]
    assert len(made) == 1
    assert made[0]["refresh_strategy"] == "lazy"
    assert made[0]["enable_iam_auth"] is True
    assert made[0]["ip_type"] is IPTypes.PRIVATE
    assert asked[0]["instance"] == "project:region:name"
    assert (asked[0]["user"], asked[0]["db"], asked[0]["ssl_context"]) == (
        "sa@project.iam",
        "sealpost",
        False,
    )
    pool.close()


@pytest.mark.parametrize("error", [RefreshError("canary"), ConnectionRefusedError("canary")])
async def test_an_instance_that_the_connector_cannot_reach_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Connector:
        def __init__(self, **_: object) -> None: ...

        def connect(self, *_: object, **__: object) -> object:
            raise error

    monkeypatch.setattr("google.cloud.sql.connector.Connector", Connector)
    pool = Pool(connect=cloud_sql("project:region:name", "sa@project.iam", "sealpost"), size=1)
    with pytest.raises(Unavailable) as unavailable:
        await pool.run(PID)
    assert "canary" not in str(unavailable.value)
    pool.close()


async def test_no_more_connections_than_its_size_however_many_call(pool: Pool) -> None:
    pids = await asyncio.gather(*(pool.run("select pg_backend_pid(), pg_sleep(0.01)") for _ in range(40)))
    assert 1 < len({rows[0][0] for rows in pids}) <= 4


async def test_nothing_happens_before_the_first_statement(dsn: str) -> None:
    threads = threading.active_count()
    dialled: list[float] = []

    def dial(seconds: float) -> Connection:
        dialled.append(seconds)
        return plain(dsn)(seconds)

    pool = Pool(connect=dial, size=4)
    assert (dialled, threading.active_count()) == ([], threads)
    await pool.run(PID)
    assert len(dialled) == 1
    pool.close()


async def test_a_terminated_backend_is_replaced_unnoticed(pool: Pool) -> None:
    for _ in range(3):
        before = await asyncio.gather(
            *(pool.run("select pg_backend_pid(), pg_sleep(0.02)") for _ in range(4))
        )
        for pid in {rows[0][0] for rows in before}:
            with_others = "select pg_terminate_backend(:pid::integer) where :pid::integer <> pg_backend_pid()"
            await pool.run(with_others, pid=pid)
        assert await asyncio.gather(*(pool.run(ADD, one=1, other=1) for _ in range(8))) == [[[2]]] * 8


async def test_a_statement_whose_backend_dies_under_it_runs_again(pool: Pool, dsn: str) -> None:
    killer = Pool(connect=plain(dsn), size=1)
    tries: list[int] = []

    def work(run: Run) -> int:
        tries.append(run(PID)[0][0])
        if len(tries) == 1:
            asyncio.run(killer.run("select pg_terminate_backend(:pid::integer)", pid=tries[0]))
        return int(run(ADD, one=1, other=1)[0][0])

    assert await pool.transaction(work) == 2
    assert len(set(tries)) == 2
    killer.close()


async def test_a_server_that_is_lost_twice_is_unavailable(pool: Pool, dsn: str) -> None:
    suicide = "select pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(Unavailable):
        await pool.run(suicide)
    assert await pool.run(ADD, one=1, other=1) == [[2]]
    nobody = Pool(connect=plain(through(dsn, PORT_OF_NOBODY)), size=1)
    with pytest.raises(Unavailable):
        await nobody.run(PID)
    nobody.close()


async def test_a_server_lost_with_the_last_of_the_time_is_not_dialled_again() -> None:
    dialled: list[float] = []

    def dial(seconds: float) -> Connection:
        dialled.append(seconds)
        threading.Event().wait(seconds)
        raise ConnectionLost("OSError")

    pool = Pool(connect=dial, size=1, at_most=0.05)
    with pytest.raises(DeadlineExceeded):
        await pool.run(PID)
    pool.close()
    assert [seconds for seconds in dialled if seconds <= 0] == []


async def test_of_two_transactions_that_wait_for_each_other_both_happen(pool: Pool) -> None:
    """PostgreSQL ends one of them as a deadlock; it runs again."""
    await pool.run("create table locks (name text primary key, taken integer not null default 0)")
    await pool.run("insert into locks values ('a'), ('b')")
    take = "update locks set taken = taken + 1 where name = :name"
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def taking(first: str, second: str) -> Callable[[Run], None]:
        def work(run: Run) -> None:
            run("set local deadlock_timeout = '10ms'")
            run(take, name=first)
            tries.append(first)
            if tries.count(first) == 1:
                both_hold_one.wait(10)
            run(take, name=second)

        return work

    await asyncio.gather(pool.transaction(taking("a", "b")), pool.transaction(taking("b", "a")))
    assert await pool.run("select name, taken from locks order by name") == [["a", 2], ["b", 2]]
    assert len(tries) == 3
    await pool.run("drop table locks")


async def test_a_server_that_is_lost_at_commit_is_not_asked_again(pool: Pool) -> None:
    """What was committed is not known, and a second run might say so of its own row."""
    await pool.run("create table ledger (line text)")
    await pool.run(
        "create function die() returns trigger language plpgsql as"
        " $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$"
    )
    await pool.run(
        "create constraint trigger die after insert on ledger deferrable initially deferred"
        " for each row execute function die()"
    )
    tries: list[str] = []

    def work(run: Run) -> None:
        tries.append("insert")
        run("insert into ledger values (:line)", line="one")

    with pytest.raises(Unavailable):
        await pool.transaction(work)
    assert len(tries) == 1
    assert await pool.run("select count(*) from ledger") == [[0]]
    await pool.run("drop table ledger")
    await pool.run("drop function die")


def test_after_its_deadline_a_connection_sends_nothing(dsn: str) -> None:
    connection = plain(dsn)(5)
    connection.deadline = time.monotonic()
    for send in (connection.run, connection.simple):
        with pytest.raises(DeadlineExceeded):
            send("create table late ()")
    connection.deadline = time.monotonic() + 5
    assert connection.run("select to_regclass('late')") == [[None]]
    connection.close()


async def test_a_frozen_server_costs_the_deadline_and_no_more(dsn: str) -> None:
    async with proxied(urlsplit(dsn).port or 0, PostgresWatch()) as proxy:
        pool = Pool(connect=plain(through(dsn, proxy.port)), size=2)
        await pool.run(PID)
        proxy.freeze()
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            async with deadline(0.3):
                await pool.run(PID)
        assert time.monotonic() - began < 1
        await asyncio.to_thread(pool.close)


async def test_a_slow_statement_ends_with_the_call(pool: Pool) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.2):
            await pool.run("select pg_sleep(5)")
    assert time.monotonic() - began < 1
    assert await pool.run(ADD, one=1, other=1) == [[2]]


async def test_waiting_for_a_connection_is_bounded_too(dsn: str) -> None:
    pool = Pool(connect=plain(dsn), size=1)
    long = asyncio.ensure_future(pool.run("select pg_sleep(0.6)"))
    await asyncio.sleep(0.1)
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.2):
            await pool.run(PID)
    await long
    assert await pool.run(ADD, one=1, other=1) == [[2]]
    pool.close()


async def test_the_servers_own_time_out_is_a_deadline(pool: Pool) -> None:
    def work(run: Run) -> None:
        run("set local statement_timeout = '50ms'")
        run("select pg_sleep(5)")

    with pytest.raises(DeadlineExceeded):
        await pool.transaction(work)
    assert await pool.run(ADD, one=1, other=1) == [[2]]


async def test_a_transaction_happens_whole_or_not_at_all(pool: Pool) -> None:
    await pool.run("create table if not exists scribbles (line text unique)")

    def refused(run: Run) -> None:
        run("insert into scribbles values (:line)", line="one")
        raise NotFound("no")

    def broken(run: Run) -> None:
        run("insert into scribbles values (:line)", line="secret-one")
        run("insert into scribbles values (:line)", line="secret-one")

    with pytest.raises(NotFound):
        await pool.transaction(refused)
    with pytest.raises(StatementFailed) as failed:
        await pool.transaction(broken)
    assert failed.value.sqlstate == "23505"
    assert "secret" not in repr(failed.value) + str(failed.value)
    assert await pool.run("select count(*) from scribbles") == [[0]]

    await pool.transaction(lambda run: run("insert into scribbles values (:line)", line="kept"))
    assert await pool.run("select line from scribbles") == [["kept"]]
    await pool.run("drop table scribbles")
