"""How often something may be done: what rooms with limits share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most `most` calls for `subject` (a keyed hash) in a window of `seconds`."""

    subject: bytes
    seconds: int
    most: int


class Quotas(Protocol):
    async def admit(self, quotas: Sequence[Quota], now: float) -> bool:
        """Count one call against each quota, in one statement; False if any is used up.

        Raises:
            Unavailable, DeadlineExceeded.
        """
