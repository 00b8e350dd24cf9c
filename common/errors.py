"""What can go wrong, in the domain's words. `common.http.problems` alone knows which HTTP status each becomes."""

from collections.abc import Mapping
from typing import Any


class SealpostError(Exception):
    """A refusal or a fault. `detail` is a sentence for the caller and never holds what the caller sent.

    `members` are extension members of the problem document (RFC 9457, section 3.2).
    """

    def __init__(self, detail: str, /, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members: Mapping[str, Any] = members


class InvalidRequest(SealpostError):
    """The request breaks the protocol: shape, encoding, algorithm, bound."""


class Unauthenticated(SealpostError):
    """No access token, one that is not ours, expired, or of a session that has ended, which is what it says by itself."""

    def __init__(self, detail: str = "This session has ended. Sign in again.", /) -> None:
        super().__init__(detail)


class InvalidProof(SealpostError):
    """The proof of possession does not fit the call, is stale, or was used before."""


class InvalidCode(SealpostError):
    """The link's code is wrong, used, expired, or of another address."""


class Forbidden(SealpostError):
    """The caller is known and may not do this."""


class NotAMember(Forbidden):
    """The caller is not a member of the conversation, or there is no such conversation."""


class DeviceNotActive(Forbidden):
    """The caller's device is not active in the account's key chain: not yet, if nothing else is said."""

    def __init__(
        self,
        detail: str = "This device is not active in the account's key chain. Publish or link it first.",
        /,
    ) -> None:
        super().__init__(detail)


class Blocked(Forbidden):
    """The recipient does not accept messages from the caller."""


class NotFound(SealpostError):
    """There is no such thing, or the caller may not know of it."""


class ChainConflict(SealpostError):
    """Another statement stands at this place of the key chain. `head` is the chain's present head."""


class KeyConflict(SealpostError):
    """The encryption key does not follow the device's current one. `n` is that one's number."""


class ResetDelayed(SealpostError):
    """A reset waits, so that it can be vetoed. `due_at` is when the first that was asked for may be, in seconds."""


class LinkPending(SealpostError):
    """Another device waits to be linked. `expires_at` is until when at most, in seconds."""


class BackupConflict(SealpostError):
    """The backup does not follow the newest one. `n` is that one's number, 0 if there is none."""


class Restored(SealpostError):
    """Devices have not published an encryption key since the service was restored from a backup.

    `uids` are the accounts whose devices are to do so first: the caller's own, or other members'.
    """


class DeviceMismatch(SealpostError):
    """The envelope is not sealed for exactly the members' active keys, or the history keys that go with them.

    `missing`, `extra` and `expired` are kids; `heads` is {uid: [seq, hash]}.
    """


class MessageConflict(SealpostError):
    """Another message was sent under this id."""


class RateLimited(SealpostError):
    """Too many calls. `retry_after` is in seconds."""

    def __init__(self, detail: str, /, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(SealpostError):
    """A server that this call needs cannot be reached for the moment. Nothing was acknowledged."""

    retry_after = 1


class DeadlineExceeded(SealpostError):
    """The call's time ran out. It may or may not have taken effect.

    docs/protocol.md says which calls may be repeated, and how.
    """
