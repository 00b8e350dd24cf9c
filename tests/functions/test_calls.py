"""The calls that other tests spoil are good ones."""

import pytest

from tests.functions.arena import Arena
from tests.functions.calls import CALLS, FUNCTIONS, SCHEDULED, STATUSES, answered


def test_every_function_has_its_call() -> None:
    assert CALLS.keys() == FUNCTIONS.keys()
    assert set(SCHEDULED) == {name for name, function in FUNCTIONS.items() if "schedule" in function.trigger}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_answered(arena: Arena, name: str) -> None:
    assert arena.ask(answered(arena, name)).status == STATUSES.get(name, 200)
