"""Documents between projects of the Firestore emulator.

The emulator imports an export only into the database that it was made from, so a backup is imported into a project of its
own and copied from there.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from common.backups.model import COLLECTIONS
from common.storage.firestore.restored import Documents, in_emulator
from scripts.local.emulators import Firestore
from scripts.local.ports import HOST


def emulated(emulator: Firestore, project: str, database: str) -> Documents:
    return in_emulator(project, database, f"{HOST}:{emulator.port}")


def copy(source: Documents, target: Documents, tell: Callable[[int], None]) -> None:
    """Copy all that a backup holds, from where an earlier run came to. `tell` takes the number that is there."""
    there = target.total()
    for collection in COLLECTIONS:
        page = source.page(collection, None, skipped=target.count(collection))
        while page:
            target.write([(source.path(document), document.fields) for document in page])
            there += len(page)
            tell(there)
            page = source.page(collection, source.path(page[-1]))


def imported(emulator: Firestore, export: Path, *, scratch: str, databases: Sequence[str]) -> Documents:
    """An export in a project of its own, in whichever of the databases it was made from.

    Raises:
        Stop: the emulator refused it.
    """
    for database in databases:
        emulator.clear(scratch, database)
    emulator.import_(scratch, export)
    found = [emulated(emulator, scratch, each) for each in databases]
    return max(found, key=Documents.total)
