"""Statements of a chain that the service does not show any more, given back to it."""

from collections.abc import Callable, Sequence

from sealpost.protocol.bounds import RESUBMITTED
from sealpost.state import Json

Call = Callable[[str, Json], Json]


def give_back(call: Call, uid: str, statements: Sequence[str]) -> None:
    """In the order of the chain; those that stand there are passed over."""
    for start in range(0, len(statements), RESUBMITTED):
        chunk = list(statements[start : start + RESUBMITTED])
        call("resubmit_statements", {"uid": uid, "statements": chunk})
