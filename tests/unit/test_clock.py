import asyncio

import pytest

from common.clock import deadline, remaining, wall_clock
from common.errors import DeadlineExceeded


def test_the_wall_clock_counts_seconds_since_the_epoch() -> None:
    assert wall_clock() > 1_700_000_000


def test_outside_a_call_there_is_as_much_time_as_one_takes() -> None:
    assert remaining() == 30.0
    assert remaining(7.5) == 7.5


async def test_inside_a_call_there_is_what_is_left() -> None:
    async with deadline(5):
        assert 0 < remaining(30) <= 5
        assert remaining(0.5) == 0.5
        async with deadline(60):
            assert 5 < remaining(90) <= 60
        assert remaining(30) <= 5
    assert remaining(30) == 30


async def test_a_call_ends_at_its_deadline() -> None:
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.001):
            await asyncio.Event().wait()
    assert remaining(30) == 30


async def test_after_its_deadline_a_call_has_no_time() -> None:
    async def overrun() -> None:
        async with deadline(0):
            remaining()

    with pytest.raises(DeadlineExceeded):
        await overrun()


@pytest.mark.parametrize("error", [KeyError, TimeoutError])
async def test_what_else_goes_wrong_inside_stays_what_it_is(error: type[Exception]) -> None:
    with pytest.raises(error):
        async with deadline(5):
            raise error


async def test_a_cancelled_call_is_cancelled_not_late() -> None:
    async def call() -> None:
        async with deadline(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
