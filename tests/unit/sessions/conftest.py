import pytest

from tests.unit.sessions.world import World


@pytest.fixture
def world() -> World:
    return World()
