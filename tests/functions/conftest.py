from collections.abc import Iterator

import pytest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from scripts.local.stack import Backing
from tests.functions.arena import Arena, start_arena
from tests.functions.calls import CALLS
from tests.functions.canaries import Canaries
from tests.functions.devices import enter_devices
from tests.functions.stage import Stage, staged


@pytest.fixture(scope="session")
def arena(layout: Layout, worker: str, processes: Processes, backing: Backing) -> Iterator[Arena]:
    """A service of this worker's own, with Alice and Bob and their conversation in it."""
    made = start_arena(processes, layout, backing, f"{worker}-arena")
    for name in ("alice", "bob"):
        made.enter(name)
    enter_devices(made)
    answer = made.ask(CALLS["create_conversation"](made))
    assert answer.json["created"] is True
    assert made.ask(CALLS["save_key_backup"](made)).status == 200
    made.renew_code()
    yield made
    made.sql.close()


@pytest.fixture(scope="session")
def stage(
    layout: Layout,
    worker: str,
    processes: Processes,
    backing: Backing,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """A service of this worker's own whose parts can be made to fail."""
    with staged(processes, layout, backing, worker, tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()
