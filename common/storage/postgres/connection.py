"""One PostgreSQL connection with its prepared statements, and what its failures mean."""

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import PreparedStatement

from common.errors import DeadlineExceeded
from common.storage.postgres.failures import TOO_LONG, ConnectionLost, refusal

Rows = list[list[Any]]
Run = Callable[..., Rows]
"""`run(sql, **params)`: `:name` in the SQL is the parameter `name`; a statement without result gives no rows."""


class Connection:
    """A `pg8000.dbapi.Connection` used by one thread, in autocommit, by prepared statements.

    Both constructors at hand, pg8000's own and the Cloud SQL connector's, give that class, so a dbapi cursor is never
    opened on it: its implicit BEGIN would cost two round trips a statement.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._statements: dict[str, PreparedStatement] = {}
        self.deadline = time.monotonic() + 30.0
        """When the present call ends, by `time.monotonic`. No wait on the socket is longer."""

    def run(self, sql: str, **params: Any) -> Rows:
        """Run one statement: one round trip, and one more the first time that this connection sees its text.

        Raises:
            ConnectionLost, StatementFailed, DeadlineExceeded.

        """
        try:
            self._bound_socket()
            statement = self._statements.get(sql)
            if statement is None:
                statement = self._statements[sql] = PreparedStatement(self._raw, sql)
            return statement.run(**params) or []
        except (DatabaseError, InterfaceError, OSError) as error:
            raise meaning(error) from None

    def simple(self, sql: str) -> Rows:
        """Run SQL text without parameters, several statements if need be, in one round trip.

        Raises:
            ConnectionLost, StatementFailed, DeadlineExceeded.

        """
        try:
            self._bound_socket()
            return self._raw.execute_simple(sql).rows or []
        except (DatabaseError, InterfaceError, OSError) as error:
            raise meaning(error) from None

    def copy(self, sql: str, pieces: Iterable[bytes]) -> None:
        """Run a COPY FROM STDIN, whose input comes in pieces of any size. If they fail, this connection is of no more use.

        Raises:
            ConnectionLost, StatementFailed, DeadlineExceeded.

        """
        try:
            self._bound_socket()
            self._raw.execute_unnamed(sql, stream=pieces)
        except (DatabaseError, InterfaceError, OSError) as error:
            raise meaning(error) from None

    def close(self) -> None:
        with contextlib.suppress(InterfaceError, OSError, ValueError, AttributeError):
            self._raw._usock.settimeout(1.0)  # noqa: SLF001 - see _bound_socket
            self._raw.close()

    def _bound_socket(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(TOO_LONG)
        # pg8000 takes a time-out for the connection's whole life only; its version is pinned exactly.
        self._raw._usock.settimeout(left)  # noqa: SLF001


def meaning(error: Exception) -> Exception:
    """What an exception of pg8000 means for the caller. Nothing of its text is carried along."""
    if isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
        return DeadlineExceeded(TOO_LONG)
    if not isinstance(error, DatabaseError):
        return ConnectionLost(type(error).__name__)
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return refusal(str(fields.get("C", "XX000")), fields.get("n"))
