"""Starting the stand."""

import compileall
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.packaging import stage
from scripts.local.parts import Parts
from scripts.local.ports import Ports
from scripts.local.processes import Processes
from scripts.local.say import Progress
from scripts.local.stack import start_backing
from scripts.measuring.settings import Settings
from scripts.measuring.stand import APPS, Stand


@contextmanager
def standing(
    layout: Layout, processes: Processes, progress: Progress, parts: Parts, *, data: Path, settings: Settings
) -> Iterator[Stand]:
    """Start the stack, PostgreSQL flushing as by default, and the Firestore emulator with its full compiler.

    Raises:
        Stop: a part failed.
    """
    ports = Ports.free()
    backing = start_backing(
        processes, parts, layout, progress, ports=ports, data=data, lasting=True, quick_start=False
    )
    stand = Stand(
        layout=layout,
        processes=processes,
        progress=progress,
        backing=backing,
        settings=settings,
    )
    stage(layout.root, stand.staging)
    for folder in (stand.staging, APPS):
        compileall.compile_dir(folder, quiet=2)
    yield stand
