from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local.layout import Layout
from scripts.local.ports import Ports
from tests.e2e.checkout import Checkout, copy


@pytest.fixture(scope="session")
def checkout(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy of this checkout in a folder with a space in its path. Nothing of it runs when the tests are over.

    Its ports are nobody else's: another checkout's run would take firebase.json's between two runs of this one.
    """
    root: Path = tmp_path_factory.mktemp("other") / "a checkout"
    root.mkdir()
    made = copy(layout, root)
    (made.local / "run").mkdir()
    Ports.free().keep(made.local / "run" / "ports.json")
    yield made
    assert made.wait_for_quiet() == {}
