"""What a backup needs of the world. Every method may raise Unavailable or DeadlineExceeded."""

from typing import Protocol

from common.backups.model import Manifest, Part


class Export(Protocol):
    """Copies one database into the folder of a day's backup."""

    async def write(self, day: str) -> tuple[Part, ...]: ...


class Archive(Protocol):
    """Where backups stand, a folder a day, never overwritten."""

    async def claim(self, day: str) -> bool:
        """Begin the day's backup; False if it stands complete.

        Raises:
            Unavailable: another call is making it, or died of late while it did.
        """

    async def complete(self, manifest: Manifest) -> None:
        """Write the manifest last, whole or not at all."""

    async def abandon(self, day: str) -> None:
        """Give the claim back after a fault, so that the scheduler's next try begins anew."""
