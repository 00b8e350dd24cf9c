"""Time, as the domain sees it: the wall clock, and how long the present call may still take."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from contextvars import ContextVar

from common.errors import DeadlineExceeded

Clock = Callable[[], float]
"""Seconds since the epoch."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def wall_clock() -> float:
    return time.time()


def remaining(at_most: float = 30.0) -> float:
    """Seconds that the present call may still take; `at_most` outside a call.

    Raises:
        DeadlineExceeded: none are left.
    """
    deadline = _deadline.get()
    if deadline is None:
        return at_most
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded("The call took too long.")
    return min(left, at_most)


def bounded(seconds: float) -> AbstractAsyncContextManager[object]:
    """Bound what runs inside to `seconds`, unless a call's deadline does already. Raises TimeoutError: it took longer.

    A task that is started in a call and outlives it has no bound here.
    """
    return asyncio.timeout(seconds) if _deadline.get() is None else nullcontext()


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Bound what runs inside to `seconds`; adapters ask `remaining` for their share.

    Raises:
        DeadlineExceeded: it took longer.
    """
    token = _deadline.set(time.monotonic() + seconds)
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise DeadlineExceeded("The call took too long.") from None
    finally:
        _deadline.reset(token)
