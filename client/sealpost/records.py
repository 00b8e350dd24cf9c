"""What a profile's state holds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class Kind(StrEnum):
    """The kinds of documents. All but the first few have an id each: a uid, a conversation, a message, a key."""

    PROFILE = "profile"
    SESSION = "session"
    CURSOR = "cursor"
    CAUGHT_UP = "caught-up"
    SIGNING_KEY = "signing-key"
    FIRST_STATEMENT = "first-statement"
    ENCRYPTION_KEY = "encryption-key"
    CONTACT = "contact"
    ADDRESS = "address"
    CONVERSATION = "conversation"
    COUNTER = "counter"
    OUTBOX = "outbox"
    HELD = "held"
    CHANGE = "change"
    EXPECTED = "expected"
    UNTOLD = "untold"
    STANDING = "standing"
    LINK = "link"
    RESET = "reset"
    LINK_TRIES = "link-tries"
    FALSE_CLAIM = "false-claim"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """`sent_at` is the server's time in microseconds; `new` until it was shown; `content` as receiving and sending make it."""

    cid: str
    mid: str
    sent_at: int
    new: bool
    content: Json
