"""What it means that PostgreSQL refused a statement or was lost: the same for every driver."""

from common.errors import DeadlineExceeded

TOO_LONG = "The database took too long."

_REPEATABLE = frozenset(
    {
        "0A000",  # cached plan must not change result type: a migration ran under us
        "25006",  # read-only: this server was demoted in a failover
        "26000",  # the prepared statement is gone: a pooler changed the server under us
        "40001",  # serialization failure
        "40P01",  # deadlock
        "53300",  # too many connections
        "57P01",  # terminated by an administrator
        "57P02",  # crash shutdown
        "57P03",  # starting up or shutting down
    }
)
_QUERY_CANCELED = "57014"
_LOCK_NOT_AVAILABLE = "55P03"


class ConnectionLost(Exception):
    """This connection is of no more use. `repeatable`: what ran on it may run again on another one."""

    def __init__(self, reason: str, *, repeatable: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.repeatable = repeatable


class StatementFailed(Exception):
    """PostgreSQL refused a statement. Only its code is kept: messages and details quote the values of rows."""

    def __init__(self, sqlstate: str, constraint: str | None) -> None:
        super().__init__(f"SQLSTATE {sqlstate}" + (f", constraint {constraint}" if constraint else ""))
        self.sqlstate = sqlstate
        self.constraint = constraint


def refusal(sqlstate: str, constraint: str | None) -> Exception:
    """What an error of the server means for the caller. Nothing of its text is carried along."""
    if sqlstate in _REPEATABLE or sqlstate.startswith("08"):
        return ConnectionLost(sqlstate)
    if sqlstate in {_QUERY_CANCELED, _LOCK_NOT_AVAILABLE}:
        return DeadlineExceeded(TOO_LONG)
    return StatementFailed(sqlstate, constraint)
