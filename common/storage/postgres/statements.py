"""Single statements on the event loop, for what runs once a message: no thread is woken for them."""

import asyncio
import logging
from typing import Any, Self

import asyncpg

from common.clock import bounded
from common.errors import DeadlineExceeded, Unavailable
from common.settings import Settings
from common.storage.postgres.dialling import FAILURES, Dial, cloud_sql, direct
from common.storage.postgres.failures import TOO_LONG, ConnectionLost, StatementFailed, refusal
from common.storage.postgres.server import Server, server_of

logger = logging.getLogger("sealpost")  # see common.telemetry

Rows = list[Any]
"""Each is a sequence of its columns."""

_DATA_EXCEPTION = "22000"


class Statements:
    """Runs statements, each committed by itself, on at most `size` connections, made when one is first needed.

    The server answers before its log is on the disk: what such a statement writes may be lost with a server that falls,
    so it must be nothing that anybody was told (a rate limit is such a thing).

    A call waits for a free connection, and for the server, no longer than the time that it has left. A statement whose
    connection was lost runs once more on a new one, so it must be harmless when it runs twice.
    """

    def __init__(self, *, dial: Dial, size: int, at_most: float = 30.0) -> None:
        """`at_most`: the seconds of a call that has no deadline of its own."""
        self._dial = dial
        self._at_most = at_most
        self._free = asyncio.Semaphore(size)
        self._idle: list[Any] = []

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of this process. Raises SettingsError: see server_of."""
        where = server_of(settings)
        return cls(dial=direct(where) if isinstance(where, Server) else cloud_sql(where), size=settings.pool)

    async def run(self, sql: str, *values: object) -> Rows:
        """The rows of one statement, in one round trip once a connection has prepared it. `$1` in it is the first value.

        Raises:
            Unavailable: the server was lost twice in a row, or cannot be reached.
            DeadlineExceeded: it took longer than `at_most` outside of a call; within one its deadline ends it.
            StatementFailed: the server refused the statement.
        """
        try:
            async with bounded(self._at_most), self._free:
                try:
                    return await self._attempt(self._warm(), sql, values)
                except ConnectionLost as lost:
                    _log(lost)
                    return await self._attempt(None, sql, values)
        except TimeoutError:
            raise DeadlineExceeded(TOO_LONG) from None
        except ConnectionLost as lost:
            _log(lost)
            raise Unavailable("The database cannot be reached.") from None

    def close(self) -> None:
        """Ends the idle connections, without waiting for the server."""
        while self._idle:
            self._idle.pop().terminate()

    def _warm(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _attempt(self, connection: Any, sql: str, values: tuple[object, ...]) -> Rows:
        is_sound = False
        try:
            connection = connection or await self._dial()
            rows: Rows = await connection.fetch(sql, *values)
            is_sound = True
        except FAILURES as error:
            is_open = connection is not None and not connection.is_closed()
            meant = _meaning(error, is_open=is_open)
            is_sound = is_open and not isinstance(meant, ConnectionLost)
            raise meant from None
        finally:
            if is_sound:
                self._idle.append(connection)
            elif connection is not None:
                connection.terminate()  # an answer may still arrive, and nobody waits for it
        return rows


def _meaning(error: Exception, *, is_open: bool) -> Exception:
    """What an exception of asyncpg means for the caller. Nothing of its text is carried along."""
    if isinstance(error, TimeoutError):
        return DeadlineExceeded(TOO_LONG)
    if isinstance(error, asyncpg.PostgresError):
        return refusal(error.sqlstate or "XX000", getattr(error, "constraint_name", None))
    if isinstance(error, asyncpg.InterfaceError) and is_open:
        return StatementFailed(_DATA_EXCEPTION, None)  # the driver refused a value; the server never saw it
    return ConnectionLost(type(error).__name__)


def _log(lost: ConnectionLost) -> None:
    logger.warning("lost a PostgreSQL connection", extra={"fields": {"reason": lost.reason}})
