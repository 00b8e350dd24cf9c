from collections.abc import Iterator

import pytest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from scripts.local.stack import Backing
from tests.functions.arena import Arena, start_arena
from tests.functions.calls import CALLS


@pytest.fixture(scope="session")
def arena(layout: Layout, worker: str, processes: Processes, backing: Backing) -> Iterator[Arena]:
    """A service of this worker's own, with Alice and Bob and their conversation in it."""
    made = start_arena(processes, layout, backing, f"{worker}-arena")
    for name in ("alice", "bob"):
        made.enter(name)
    answer = made.ask(CALLS["create_conversation"](made))
    assert answer.json["created"] is True
    made.renew_code()
    yield made
    made.sql.close()
