"""What stands in an archive, for a program that waits for each answer: a list, a manifest, whether the objects are whole."""

import asyncio
import time
from dataclasses import dataclass

from common.backups.model import DOCUMENTS, MANIFEST, RELATIONS, BackupRefused, Manifest, is_name
from common.backups.ports import Archive
from common.backups.standing import standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A backup, as `list` shows it."""

    name: str
    state: str
    age: float | None
    """Seconds since the moment that it is of."""
    bytes: int | None
    """Of a complete one."""
    reason: str | None = None


def listed(archive: Archive, project: str) -> list[Listed]:
    """Every backup, the oldest first."""

    async def look() -> list[Listed]:
        return [await _listed(archive, project, name) for name in await archive.names()]

    return asyncio.run(look())


def manifest(archive: Archive, project: str, name: str) -> Manifest:
    """The manifest of a complete backup of this project.

    Raises:
        BackupRefused: there is no such backup, it is not complete, or its manifest is damaged or of something else.
    """

    async def read() -> Manifest:
        if not is_name(name) or name not in await archive.names():
            raise BackupRefused(
                f"There is no backup {name}. `scripts/restore list` shows those that there are."
            )
        found = await standing(archive, name)
        content = await archive.read(f"{name}/{MANIFEST}")
        if found.state != "complete" or content is None:
            raise BackupRefused(f"The backup {name} is {found.state}: {found.reason or 'it has no manifest'}")
        return Manifest.read(content, project=project, name=name)

    return asyncio.run(read())


def check(archive: Archive, wanted: Manifest) -> None:
    """Compare each object with what the manifest says of it. What it does not know is not read.

    Raises:
        BackupRefused: one is missing, or has another size or checksum.
    """

    async def look() -> dict[str, tuple[int, str]]:
        prefix = f"{wanted.name}/"
        parts = [
            *await archive.objects(f"{prefix}{DOCUMENTS}/"),
            *await archive.objects(f"{prefix}{RELATIONS}"),
        ]
        return {part.name.removeprefix(prefix): (part.bytes, part.crc32c) for part in parts}

    there = asyncio.run(look())
    for part in wanted.objects:
        found = there.get(part.name)
        if found is None:
            raise BackupRefused(f"{part.name} of the backup is missing.")
        if found[0] != part.bytes:
            raise BackupRefused(
                f"{part.name} of the backup has {found[0]:,} bytes, and {part.bytes:,} were written."
            )
        if found[1] != part.crc32c:
            raise BackupRefused(f"{part.name} of the backup is damaged: its checksum is another one.")


async def _listed(archive: Archive, project: str, name: str) -> Listed:
    found = await standing(archive, name)
    content = await archive.read(f"{name}/{MANIFEST}") if found.state == "complete" else None
    age = time.time() - found.at if found.at else None
    if content is None:
        return Listed(name=name, state=found.state, age=age, bytes=None, reason=found.reason)
    try:
        size = Manifest.read(content, project=project, name=name).size
    except BackupRefused as refused:
        return Listed(name=name, state="damaged", age=age, bytes=None, reason=str(refused))
    return Listed(name=name, state="complete", age=age, bytes=size)
