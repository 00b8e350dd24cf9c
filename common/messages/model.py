import re
from dataclasses import dataclass

from common.errors import InvalidRequest
from common.jose import integer, matching
from common.jose.rsa_key import THUMBPRINT

ENVELOPE_BYTES = 96 * 1024
"""An envelope is shorter than this."""
RETENTION = 90 * 86_400
"""How long a message is kept unless it asks for less, in seconds."""

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """The request {"message_id": UUIDv7, "conversation_id", "expires_at": ms or null, "envelope": JWE as a string}."""

    message_id: str
    conversation_id: str
    expires_at: int | None
    envelope: str

    def __post_init__(self) -> None:
        matching(self.message_id, _UUID7, "message_id")
        matching(self.conversation_id, THUMBPRINT, "conversation_id")
        if self.expires_at is not None:
            integer(self.expires_at, "expires_at")
        if len(self.envelope) >= ENVELOPE_BYTES or not self.envelope.isascii():
            raise InvalidRequest(f"The envelope must be ASCII and shorter than {ENVELOPE_BYTES} bytes.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A token bucket: `burst` at once, `per_second` in the long run."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientKey:
    """A member's device's highest encryption key; expired ones are included so that a sender can be told."""

    kid: str
    uid: str
    device: str
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """All that the one statement of a send finds out."""

    session_alive: bool
    device_active: bool
    device_restored: bool
    """The caller's device has not published a key since it came from a backup."""
    within_rate: bool
    members: tuple[str, ...]
    """Of the conversation, ascending; empty if there is none."""
    blocked: bool
    """A member has blocked the caller."""
    keys: tuple[RecipientKey, ...]
    """Of the members' active devices, the caller's own device included; of restored devices none until they publish."""
    restored: tuple[str, ...]
    """The members that have an active device which has not published a key since it came from a backup."""
    history_kids: tuple[str, ...]
    """The living history key of each member that has one, the caller's own account included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it is stored. Times are seconds since the epoch."""

    id: str
    conversation: str
    members: tuple[str, ...]
    sender_uid: str
    sender_device: str
    expires_at: float
    envelope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """What stands under a message's id."""

    sender_uid: str
    sender_device: str
    envelope: str
    sent_at: str
    """RFC 3339, UTC, in microseconds: the server's time of the commit."""
