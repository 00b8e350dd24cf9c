"""Why something was refused: one reason code of docs/protocol.md and one sentence for a person."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Code(StrEnum):
    """Reason codes. They are shown to the person and never sent to the server."""

    MALFORMED = "malformed"
    UPDATE_NEEDED = "update-needed"
    NOT_FOR_ME = "not-for-me"
    KEY_DESTROYED = "key-destroyed"
    UNDECRYPTABLE = "undecryptable"
    CONTEXT = "context"
    RECIPIENTS = "recipients"
    UNKNOWN_DEVICE = "unknown-device"
    BAD_SIGNATURE = "bad-signature"
    REVOKED_DEVICE = "revoked-device"
    NOT_A_MEMBER = "not-a-member"
    REPLAYED = "replayed"
    EXPIRED = "expired"
    CHAIN_HIDDEN = "chain-hidden"
    CHAIN_FORK = "chain-fork"
    CHAIN_ROLLBACK = "chain-rollback"
    KEY_CHANGE = "key-change"
    NO_ACTIVE_DEVICE = "no-active-device"
    MISTYPED = "mistyped"
    WRONG_SECRET = "wrong-secret"  # noqa: S105 - a reason
    LINK_EXPIRED = "link-expired"
    LINK_FORGED = "link-forged"
    BACKUP_STALE = "backup-stale"
    BACKUP_UNREADABLE = "backup-unreadable"


class Notice(StrEnum):
    """What is said beside a message that is shown all the same."""

    SENDER_STALE = "sender-stale"
    REMOVED_DEVICE = "removed-device"
    GAP = "gap"
    CLOCK = "clock"


SENTENCES: Mapping[Code, str] = MappingProxyType(
    {
        Code.MALFORMED: "This does not follow the format and was refused.",
        Code.UPDATE_NEEDED: "This was made by a newer version of Sealpost. Update this client to read it.",
        Code.NOT_FOR_ME: "This message was not sealed for this device.",
        Code.KEY_DESTROYED: "This device has already destroyed the key that this message was sealed for.",
        Code.UNDECRYPTABLE: "This message could not be decrypted; it was damaged or altered on its way.",
        Code.CONTEXT: "This message belongs somewhere else: the service delivered it in the wrong place.",
        Code.RECIPIENTS: "The list of this message's recipients was altered on its way.",
        Code.UNKNOWN_DEVICE: "This message comes from a device that is not the sender's.",
        Code.BAD_SIGNATURE: "The signature is not the sender's.",
        Code.REVOKED_DEVICE: "This message comes from a device that the sender had removed.",
        Code.NOT_A_MEMBER: "The sender does not belong to this conversation.",
        Code.REPLAYED: "Another message already came under this number; this one was refused.",
        Code.EXPIRED: "This message has disappeared: its time is over.",
        Code.CHAIN_HIDDEN: "The service does not show all devices of a person in this conversation.",
        Code.CHAIN_FORK: "The service showed two different histories of one person's devices.",
        Code.CHAIN_ROLLBACK: "The service showed an older state of a person's devices than before.",
        Code.KEY_CHANGE: "The keys of a person changed while this was being sent. Look, then send again.",
        Code.NO_ACTIVE_DEVICE: "This person has no active device that could read the message.",
        Code.MISTYPED: "This is not what was shown: a letter or digit is missing, is too much, or is another one.",
        Code.WRONG_SECRET: "This is not the secret of the device that asks. Look at its screen, and type it again.",
        Code.LINK_EXPIRED: "The new device asked too long ago. Begin again there.",
        Code.LINK_FORGED: "This device was not added by the device that you gave the secret to.",
        Code.BACKUP_STALE: "The service showed another backup than the one that your devices announced last.",
        Code.BACKUP_UNREADABLE: "The backup does not open: the recovery code is another one.",
    }
)

NOTICES: Mapping[Notice, str] = MappingProxyType(
    {
        Notice.SENDER_STALE: "The sender did not know your newest devices.",
        Notice.REMOVED_DEVICE: "Sent by a device since removed.",
        Notice.GAP: "Messages may be missing.",
        Notice.CLOCK: "The sender's clock and the service's differ.",
    }
)


class ProtocolError(Exception):
    """Refused, for ``code``.

    ``detail`` is for developers: it names the rule that was broken and quotes nothing of what was read.
    ``inner_hash`` is set where the message holds its id all the same (checks up to the 8th passed): another one
    under that id is ``replayed``.
    """

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail
        self.inner_hash: str | None = None

    @property
    def sentence(self) -> str:
        """One plain sentence for a person."""
        return SENTENCES[self.code]


class ForkError(ProtocolError):
    """Two histories (``chain-fork``): both heads or statements, kept as evidence."""

    def __init__(self, detail: str, *, ours: str, theirs: str) -> None:
        super().__init__(Code.CHAIN_FORK, detail)
        self.ours = ours
        self.theirs = theirs


class HiddenError(ProtocolError):
    """Something names a newer state than the pinned one (``chain-hidden``).

    Fetch ``chains`` (uid to the seq that is needed) and ``conversation`` (the seq needed, or None) and
    try again; what the server cannot show then is refused with this code.
    """

    def __init__(
        self, detail: str, *, chains: Mapping[str, int] | None = None, conversation: int | None = None
    ) -> None:
        super().__init__(Code.CHAIN_HIDDEN, detail)
        self.chains: Mapping[str, int] = dict(chains or {})
        self.conversation = conversation


class MessageTooLongError(Exception):
    """The message does not fit (own side only; nothing was sent). Sizes in bytes."""

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(f"message of {size} bytes, at most {limit}")
        self.size = size
        self.limit = limit

    @property
    def sentence(self) -> str:
        return f"The message is too long: {self.size} bytes where {self.limit} fit."


class BackupTooLargeError(Exception):
    """The backup does not fit (own side only; nothing was sent). Sizes in bytes."""

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(f"backup of {size} bytes, at most {limit}")
        self.size = size
        self.limit = limit


def malformed(detail: str) -> ProtocolError:
    return ProtocolError(Code.MALFORMED, detail)
