"""Single statements against a real PostgreSQL: reuse, bounds, deadlines, and what a lost or frozen server does to them."""

import asyncio
import logging
import threading
import time
from dataclasses import replace
from functools import partial
from typing import Any

import asyncpg
import pytest
from google.auth.exceptions import RefreshError
from google.cloud.sql.connector import IPTypes

from common.clock import deadline
from common.errors import DeadlineExceeded, Unavailable
from common.storage.postgres.dialling import cloud_sql, direct
from common.storage.postgres.failures import StatementFailed
from common.storage.postgres.pool import Pool
from common.storage.postgres.server import Instance, Server
from common.storage.postgres.statements import Statements
from scripts.local.wire import PostgresWatch, proxied

ADD = "select $1::bigint + $2::bigint"
PID = "select pg_backend_pid()"
INSTANCE = Instance("project:region:name", "sa@project.iam", "sealpost")
PORT_OF_NOBODY = 1


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why connections were lost, as the log has it."""
    return [vars(record)["fields"]["reason"] for record in caplog.records]


async def test_values_of_every_type_used_come_back_as_they_went(statements: Statements) -> None:
    sql = "select $1::text, $2::double precision, $3::text[], $4::text"
    values = ("'\\ü", 1.5, ['a"b', "{,}"], None)
    assert [tuple(row) for row in await statements.run(sql, *values)] == [values]


async def test_it_is_one_round_trip_and_is_prepared_once(dsn: str) -> None:
    watch, server = PostgresWatch(), Server.parse(dsn)
    async with proxied(server.port, watch) as proxy:
        statements = Statements(dial=direct(replace(server, port=proxy.port)), size=1)
        await statements.run(ADD, 1, 2)
        before, prepared = watch.round_trips, watch.seen["P"]
        for number in range(10):
            assert await statements.run(ADD, number, 2) == [(number + 2,)]
        assert watch.round_trips - before == 10
        assert watch.seen["P"] == prepared == 1
        assert proxy.connections == 1
        statements.close()


async def test_no_more_connections_than_its_size_however_many_call(statements: Statements) -> None:
    pids = await asyncio.gather(
        *(statements.run("select pg_backend_pid(), pg_sleep(0.01)") for _ in range(40))
    )
    assert 1 < len({rows[0][0] for rows in pids}) <= 4


async def test_a_rate_limit_waits_for_no_disk(statements: Statements) -> None:
    assert await statements.run("show synchronous_commit") == [("off",)]


async def test_the_server_bounds_what_a_lost_worker_leaves(statements: Statements) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
    shown = [(await statements.run(f"show {name}"))[0][0] for name in names]
    assert shown == ["30s", "10s", "30s", "sealpost"]


async def test_terminated_backends_are_replaced_unnoticed(statements: Statements, pool: Pool) -> None:
    for _ in range(3):
        asleep = "select pg_backend_pid(), pg_sleep(0.02)"
        before = await asyncio.gather(*(statements.run(asleep) for _ in range(4)))
        for ((pid, _),) in before:
            await pool.run("select pg_terminate_backend(:pid::integer)", pid=pid)
        assert await asyncio.gather(*(statements.run(ADD, 1, 1) for _ in range(8))) == [[(2,)]] * 8


async def test_a_statement_whose_backend_dies_under_it_runs_again(statements: Statements, pool: Pool) -> None:
    await pool.run("create table tries (pid integer)")
    running = asyncio.ensure_future(
        statements.run(
            "select pg_backend_pid(), case when (select count(*) from tries) = 0 then pg_sleep(5) end"
        )
    )
    killed: list[int] = []
    while not killed:
        await asyncio.sleep(0.01)
        asleep = "select pid from pg_stat_activity where wait_event = 'PgSleep' and query like '%from tries%'"
        for (pid,) in await pool.run(asleep):
            await pool.run("insert into tries values (:pid)", pid=pid)
            await pool.run("select pg_terminate_backend(:pid::integer)", pid=pid)
            killed.append(pid)
    ((pid, _),) = await running
    assert pid not in killed
    await pool.run("drop table tries")


async def test_a_server_that_is_lost_twice_is_unavailable(
    statements: Statements, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(Unavailable):
        await statements.run("select pg_terminate_backend(pg_backend_pid())")
    assert len(reasons(caplog)) == 2
    assert set(reasons(caplog)) <= {"57P01", "08003"}, (
        "the server's word, or the connection's end if that comes first"
    )
    assert await statements.run(ADD, 1, 1) == [(2,)]
    nobody = Statements(dial=direct(replace(Server.parse(dsn), port=PORT_OF_NOBODY)), size=1)
    with pytest.raises(Unavailable):
        await nobody.run(PID)


async def test_a_refused_statement_tells_its_code_alone(statements: Statements, pool: Pool) -> None:
    await pool.run("create table marks (line text unique)")
    await statements.run("insert into marks values ($1)", "canary")
    before = await statements.run(PID)
    with pytest.raises(StatementFailed) as refused:
        await statements.run("insert into marks values ($1)", "canary")
    assert (refused.value.sqlstate, refused.value.constraint) == ("23505", "marks_line_key")
    with pytest.raises(StatementFailed) as unfit:
        await statements.run(ADD, "canary", 1)
    assert (unfit.value.sqlstate, "canary" in str(unfit.value)) == ("22000", False)
    assert await statements.run(PID) == before, "its connection is as good as it was"
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None
    await pool.run("drop table marks")


@pytest.mark.parametrize("times", [1, 3])
async def test_a_frozen_server_costs_the_deadline_and_no_more(dsn: str, times: int) -> None:
    server = Server.parse(dsn)
    async with proxied(server.port, PostgresWatch()) as proxy:
        statements = Statements(dial=direct(replace(server, port=proxy.port)), size=1)
        await statements.run(PID)
        proxy.freeze()
        for _ in range(times):
            began = time.monotonic()
            with pytest.raises(DeadlineExceeded):
                async with deadline(0.3):
                    await statements.run(PID)
            assert time.monotonic() - began < 1
        assert proxy.connections == times, "none that was given up is used again"


async def test_a_slow_statement_ends_with_the_call(statements: Statements) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.2):
            await statements.run("select pg_sleep(5)")
    assert time.monotonic() - began < 1
    assert await statements.run(ADD, 1, 1) == [(2,)]


async def test_outside_of_a_call_a_statement_has_a_bound_of_its_own(dsn: str) -> None:
    statements = Statements(dial=direct(Server.parse(dsn)), size=1, at_most=0.2)
    with pytest.raises(DeadlineExceeded):
        await statements.run("select pg_sleep(5)")
    assert await statements.run(ADD, 1, 1) == [(2,)]
    statements.close()


async def test_a_call_that_is_given_up_leaves_no_answer_to_the_next(dsn: str) -> None:
    statements = Statements(dial=direct(Server.parse(dsn)), size=1)
    for number in range(20):
        with pytest.raises(DeadlineExceeded):
            async with deadline(0.002):
                await statements.run("select $1::bigint, pg_sleep(0.01)", number)
        assert await statements.run(ADD, number, 1) == [(number + 1,)]
    statements.close()


async def test_waiting_for_a_connection_is_bounded_too(dsn: str) -> None:
    statements = Statements(dial=direct(Server.parse(dsn)), size=1)
    long = asyncio.ensure_future(statements.run("select pg_sleep(0.6)"))
    await asyncio.sleep(0.1)
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.2):
            await statements.run(PID)
    await long
    assert await statements.run(ADD, 1, 1) == [(2,)]
    statements.close()


async def test_the_servers_own_time_out_is_a_deadline(dsn: str) -> None:
    dial = partial(asyncpg.connect, dsn, server_settings={"statement_timeout": "50ms"})
    statements = Statements(dial=dial, size=1)
    with pytest.raises(DeadlineExceeded):
        await statements.run("select pg_sleep(5)")
    statements.close()


class Credentials:
    """Google's, which are fetched in a thread and no more than once while they are valid."""

    def __init__(self) -> None:
        self.valid = False
        self.refreshed: list[threading.Thread] = []

    def refresh(self, _request: object) -> None:
        self.refreshed.append(threading.current_thread())
        self.valid = True


def credentials_of(monkeypatch: pytest.MonkeyPatch) -> Credentials:
    credentials = Credentials()
    monkeypatch.setattr("google.auth.default", lambda scopes: (credentials, scopes))
    return credentials


async def test_a_dial_through_the_connector_is_never_cut_short(
    monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    ended: list[asyncpg.Connection] = []

    class Connector:
        def __init__(self, **_: object) -> None: ...

        async def connect_async(self, *_: object, **__: object) -> object:
            await asyncio.sleep(0.1)
            ended.append(await asyncpg.connect(dsn))
            return ended[-1]

    credentials_of(monkeypatch)
    monkeypatch.setattr("google.cloud.sql.connector.Connector", Connector)
    statements = Statements(dial=cloud_sql(INSTANCE), size=1)
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.05):
            await statements.run(PID)
    assert ended == []
    assert await statements.run(ADD, 1, 1) == [(2,)]
    assert [connection.is_closed() for connection in ended] == [True, False], "what came too late is hung up"
    statements.close()


async def test_the_connector_is_asked_as_it_must_be(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    made: list[dict[str, object]] = []
    asked: list[dict[str, object]] = []

    class Connector:
        def __init__(self, **options: object) -> None:
            made.append(options)

        async def connect_async(self, instance: str, driver: str, **options: Any) -> object:
            asked.append({"instance": instance, "driver": driver, **options})
            return await asyncpg.connect(dsn, server_settings=options["server_settings"])

    credentials = credentials_of(monkeypatch)
    monkeypatch.setattr("google.cloud.sql.connector.Connector", Connector)
    statements = Statements(dial=cloud_sql(INSTANCE), size=2)
    assert made == []
    assert await asyncio.gather(*(statements.run(ADD, 1, n) for n in range(4))) == [
        [(n + 1,)] for n in range(4)
    ]
    (options,) = made
    assert options["credentials"] is credentials
    assert options["ip_type"] is IPTypes.PRIVATE
    assert options["loop"] is asyncio.get_running_loop()
    assert credentials.refreshed
    assert threading.main_thread() not in credentials.refreshed
    assert (options["refresh_strategy"], options["enable_iam_auth"]) == ("lazy", True)
    assert (asked[0]["instance"], asked[0]["driver"]) == (INSTANCE.name, "asyncpg")
    assert (asked[0]["user"], asked[0]["db"]) == (INSTANCE.user, INSTANCE.database)
    statements.close()


@pytest.mark.parametrize("error", [RefreshError("canary"), ConnectionRefusedError("canary")])
async def test_an_instance_that_the_connector_cannot_reach_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Connector:
        def __init__(self, **_: object) -> None: ...

        async def connect_async(self, *_: object, **__: object) -> object:
            raise error

    credentials_of(monkeypatch)
    monkeypatch.setattr("google.cloud.sql.connector.Connector", Connector)
    with caplog.at_level(logging.WARNING), pytest.raises(Unavailable) as unavailable:
        await Statements(dial=cloud_sql(INSTANCE), size=1).run(PID)
    assert "canary" not in str(unavailable.value) + caplog.text
    assert reasons(caplog) == [type(error).__name__] * 2
