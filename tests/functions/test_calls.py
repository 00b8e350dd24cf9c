"""The calls that other tests spoil are good ones."""

import pytest

from tests.functions.arena import Arena
from tests.functions.calls import CALLS, FUNCTIONS, SCHEDULED

HARMLESS = (
    *("open_link", "jwks", "publish_key", "find_keys", "create_conversation", "send_message"),
    *SCHEDULED,
)
"""Those whose answer leaves the arena as other tests need it. The others are answered where it is filled."""


def test_every_function_has_its_call() -> None:
    assert CALLS.keys() == FUNCTIONS.keys()
    assert set(SCHEDULED) == {name for name, function in FUNCTIONS.items() if "schedule" in function.trigger}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_call_is_answered(arena: Arena, name: str) -> None:
    assert arena.ask(CALLS[name](arena)).status == 200
