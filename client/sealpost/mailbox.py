"""The messages of one person as a store of documents: what delivery needs, and firestore.py does."""

from dataclasses import dataclass, field
from typing import Protocol

from sealpost.errors import SIGN_IN_AGAIN, ExitStatus, SealpostError, ServiceUnavailable

PAGE = 100
"""The most documents of one page or one listener; the service's rules ask for a bound."""


class FirestoreDenied(SealpostError):
    """The rules refused: the session has ended, or its token."""

    exit_status = ExitStatus.NOT_SIGNED_IN

    def __init__(self) -> None:
        super().__init__(
            "The service no longer lets this device read messages: its session has ended.",
            code="listen-denied",
            cure=SIGN_IN_AGAIN,
        )


class FirestoreLost(ServiceUnavailable):
    """The connection is gone, or Firestore cannot answer now."""


@dataclass(frozen=True, slots=True)
class MessageDocument:
    """One message as Firestore holds it. Times are microseconds since 1970; nothing in it is checked yet."""

    name: str
    cid: str
    mid: str
    sender_uid: str
    sender_device: str
    sent_at: int
    expires_at: int | None
    envelope: str = field(repr=False)


class Listening(Protocol):
    """One open listener. It may end at any time: `next` then raises."""

    ready: bool
    """Whether everything sent before was given out: from here on messages come as they are sent."""

    @property
    def full(self) -> bool:
        """Whether the window holds all it can: what is sent now does not come. Listen again from further on."""

    def next(self, timeout: float) -> MessageDocument | None:
        """The next document; None after `timeout` seconds or when `ready` changes.

        Raises FirestoreDenied or FirestoreLost.
        """

    def close(self) -> None: ...


class Mailbox(Protocol):
    """The messages of all conversations of one person. Close it after use."""

    def page(self, since: int, *, after: MessageDocument | None = None) -> list[MessageDocument]:
        """At most PAGE messages sent at `since` (microseconds) or later, oldest first, following `after`.

        Raises FirestoreDenied or FirestoreLost.
        """

    def listen(self, since: int) -> Listening:
        """Opens a listener on the first PAGE messages sent at `since` or later."""

    def close(self) -> None: ...
