"""A small bounded pool: as many threads as connections, each thread with its own, so that no connection is ever shared."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from common.clock import remaining
from common.errors import DeadlineExceeded, Unavailable
from common.settings import Settings
from common.storage.postgres.connect import Connect, from_settings
from common.storage.postgres.connection import Connection, Rows, Run
from common.storage.postgres.failures import TOO_LONG, ConnectionLost

logger = logging.getLogger("sealpost")  # see common.telemetry

T = TypeVar("T")


class Pool:
    """Runs statements on at most `size` connections, made when a thread first needs one.

    A call waits for a free connection, and for the server, no longer than the time that it has left. A lost connection
    is replaced and the work done once more, so every statement must be harmless when it runs twice.
    """

    def __init__(self, *, connect: Connect, size: int, at_most: float = 30.0) -> None:
        """`at_most`: the seconds of a call that has no deadline of its own."""
        self._connect = connect
        self._size = size
        self._at_most = at_most
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._mine = threading.local()
        self._open: set[Connection] = set()

    async def run(self, sql: str, **params: Any) -> Rows:
        """Run one statement, committed by itself. `sql` is a constant: its text is the key of the prepared statement.

        Raises:
            Unavailable: the server was lost twice in a row, or cannot be reached.
            DeadlineExceeded: the call's time ran out.
            StatementFailed: the server refused the statement.

        """
        return await self._call(lambda connection: connection.run(sql, **params))

    async def transaction(self, work: Callable[[Run], T]) -> T:
        """Run `work(run)` in one transaction, in a thread of the pool; what it raises rolls back.

        Raises:
            Unavailable: as with `run`, or the server was lost at COMMIT, which may or may not have happened.
            DeadlineExceeded: the call's time ran out.
            StatementFailed: the server refused a statement.

        """
        return await self._call(lambda connection: _in_transaction(connection, work))

    def close(self) -> None:
        """End the threads and connections. The pool opens new ones when it is used again."""
        with self._lock:
            executor, self._executor = self._executor, None
            connections, self._open = self._open, set()
            self._mine = threading.local()
        if executor is not None:
            executor.shutdown(wait=True, cancel_futures=True)
        for connection in connections:
            connection.close()

    async def _call(self, job: Callable[[Connection], T]) -> T:
        seconds = remaining(self._at_most)
        deadline = time.monotonic() + seconds
        future = asyncio.wrap_future(self._threads().submit(self._attempt, job, deadline))
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            raise DeadlineExceeded(TOO_LONG) from None

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._size, thread_name_prefix="postgres")
            return self._executor

    def _attempt(self, job: Callable[[Connection], T], deadline: float) -> T:
        for _ in range(2):
            try:
                connection = self._connection(deadline)
                connection.deadline = deadline
                return job(connection)
            except ConnectionLost as lost:
                self._drop()
                logger.warning("lost a PostgreSQL connection", extra={"fields": {"reason": lost.reason}})
                if not lost.repeatable:
                    break
            except DeadlineExceeded:
                self._drop()  # the answer may still arrive, and would be taken for the next statement's
                raise
        raise Unavailable("The database cannot be reached.")

    def _connection(self, deadline: float) -> Connection:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded(TOO_LONG)
            connection = self._mine.connection = self._connect(left)
            with self._lock:
                self._open.add(connection)
        return connection

    def _drop(self) -> None:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is not None:
            self._mine.connection = None
            with self._lock:
                self._open.discard(connection)
            connection.close()


def _in_transaction(connection: Connection, work: Callable[[Run], T]) -> T:
    connection.simple("begin")
    try:
        result = work(connection.run)
    except (ConnectionLost, DeadlineExceeded):
        raise  # the connection goes, and the transaction with it
    except BaseException:
        connection.simple("rollback")
        raise
    try:
        connection.simple("commit")
    except ConnectionLost as lost:
        raise ConnectionLost(lost.reason, repeatable=False) from None
    return result


def pool_of(settings: Settings) -> Pool:
    """The pool of this process.

    Raises:
        SettingsError: see server_of.
    """
    return Pool(connect=from_settings(settings), size=settings.pool)
