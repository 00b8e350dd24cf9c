from dataclasses import dataclass
from typing import Any

from common.errors import InvalidRequest
from common.identity import UID, Address, Head
from common.jose import integer, matching
from common.jose.rsa_key import THUMBPRINT

QUERIES = 50
"""Accounts, and conversations, in one look-up."""
NEW_ADDRESSES = 200
"""How many addresses of strangers an account may look up in a day (UTC). One counts once a day."""


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """One account, by address or by uid; statements after `known_seq` are wanted (-1: all)."""

    address: str | None
    uid: str | None
    known_seq: int

    def __post_init__(self) -> None:
        if (self.address is None) == (self.uid is None):
            raise InvalidRequest("Ask for an account by exactly one of address and uid.")
        if self.address is not None:
            Address(self.address)
        if self.uid is not None:
            matching(self.uid, UID, "The uid")
        integer(self.known_seq, "known_seq", least=-1)


@dataclass(frozen=True, slots=True)
class ConversationQuery:
    """One conversation; statements after `known_seq` are wanted (-1: all)."""

    id: str
    known_seq: int

    def __post_init__(self) -> None:
        matching(self.id, THUMBPRINT, "The conversation id")
        integer(self.known_seq, "known_seq", least=-1)


@dataclass(frozen=True, slots=True)
class LookUp:
    """The request {"accounts": [...], "conversations": [...]}."""

    accounts: tuple[AccountQuery, ...]
    conversations: tuple[ConversationQuery, ...]

    def __post_init__(self) -> None:
        if len(self.accounts) > QUERIES or len(self.conversations) > QUERIES:
            raise InvalidRequest(
                f"Ask for at most {QUERIES} accounts and {QUERIES} conversations in one call."
            )


@dataclass(frozen=True, slots=True)
class Visibility:
    """The request {"open": whether strangers find the account}."""

    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An account query as the store understands it: by the address's index, never by the address."""

    index: bytes | None
    uid: str | None
    known_seq: int
    subject: bytes | None = None
    """Stands for the caller and the address in today's count; a uid is not counted, since nobody guesses one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAccount:
    """What one account has published."""

    head: Head
    statements: tuple[str, ...]
    """After known_seq, in order."""
    encryption_keys: tuple[str, ...]
    """The current key statement of each active device, but of those that have published none since a restore."""

    def json(self) -> dict[str, Any]:
        return {
            "uid": self.head.uid,
            "head": self.head.json(),
            "statements": list(self.statements),
            "encryption_keys": list(self.encryption_keys),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Answers in the order of the queries; None is unknown, or not for the caller."""

    accounts: tuple[FoundAccount | None, ...]
    conversations: tuple[tuple[str, ...] | None, ...]

    def json(self) -> dict[str, Any]:
        return {
            "accounts": [account and account.json() for account in self.accounts],
            "conversations": [
                None if statements is None else {"statements": list(statements)}
                for statements in self.conversations
            ],
        }
