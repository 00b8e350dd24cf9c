from typing import Protocol


class RevocationList(Protocol):
    """A place of its own, in which nothing is ever overwritten."""

    async def add(self, name: str, content: bytes) -> None:
        """Write an object below the name, or as the name, unless one stands there.

        Raises:
            Unavailable, DeadlineExceeded: it may or may not have been written.
        """
