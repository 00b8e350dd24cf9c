"""What signing up needs of the world. Every method may raise Unavailable or DeadlineExceeded."""

from typing import Protocol

from common.accounts.model import User
from common.identity import Address


class Users(Protocol):
    """Firebase Authentication's users."""

    async def find(self, address: Address) -> User | None: ...

    async def create(self, address: Address) -> None:
        """Make a user without a password; leave one that stands there as it is."""

    async def delete(self, uid: str) -> None: ...

    async def link_code(self, address: Address) -> str:
        """A new code, one use, that proves the mailbox (EMAIL_SIGNIN)."""


class Mailer(Protocol):
    async def send_link(self, address: Address, link: str) -> None: ...
