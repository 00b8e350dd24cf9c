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


class ErasureList(Protocol):
    """The list of what was ended, which no backup takes back."""

    async def note_account(self, uid: str) -> None: ...


class Erasure(Protocol):
    """Accounts with all that is theirs, in PostgreSQL. Every method may raise Unavailable or DeadlineExceeded."""

    async def sessions(self, uid: str) -> tuple[str, ...]:
        """The ids of all that the account has had."""

    async def erase(self, uid: str) -> bool:
        """Delete the account, and the conversations that nobody else is in; False if there is none."""


class Documents(Protocol):
    """The documents of sessions, in Firestore."""

    async def delete(self, uid: str, *sessions: str) -> None: ...


class Mailer(Protocol):
    async def send_link(self, address: Address, link: str) -> None: ...
