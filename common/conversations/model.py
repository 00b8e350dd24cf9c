from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["direct", "self"]


@dataclass(frozen=True, slots=True)
class NewConversation:
    """The request {"statement": JWS}."""

    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A verified statement that creates a conversation of two people, or with oneself."""

    id: str
    hash: str
    kind: Kind
    members: tuple[str, ...]
    """Ascending."""
    creator: str
    device: str
    """The creator's, which signs."""
    issued_at: int
    """Seconds since the epoch."""
    creator_head: tuple[int, str]
    """(seq, hash) in the creator's key chain, which the store checks."""
    compact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A conversation as it stands: its statements in order, and whether this call created it."""

    id: str
    statements: tuple[str, ...]
    created: bool

    def json(self) -> dict[str, Any]:
        return {"conversation_id": self.id, "statements": list(self.statements), "created": self.created}
