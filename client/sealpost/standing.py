"""How this device stands, as the service says with each session: its word, which denies much and proves nothing."""

from dataclasses import asdict, dataclass
from typing import Literal, Self

from sealpost.errors import ServiceUnavailable
from sealpost.protocol import encoding, identifiers
from sealpost.protocol.chain import Head
from sealpost.protocol.errors import ProtocolError
from sealpost.state import Json, Kind, State

_BAD_ANSWER = "The service's answer does not say how this device stands."


@dataclass(frozen=True, slots=True)
class PendingReset:
    """Device `device` wants to reset the account, and may at `due_at`. Unix seconds."""

    device: str
    requested_at: int
    due_at: int


@dataclass(frozen=True, slots=True)
class Standing:
    """`head` is that of the account's key chain, None while it has none.

    `restored` says that the service comes from a backup and waits for an encryption key of this device.
    """

    device: Literal["pending", "active", "revoked"]
    head: Head | None
    pending_reset: PendingReset | None
    restored: bool = False

    @classmethod
    def read(cls, answer: Json) -> Self:
        """From create_session's or refresh_session's answer. Raises ServiceUnavailable."""
        device, head, wish = answer.get("device"), answer.get("head"), answer.get("pending_reset")
        state = device.get("state") if isinstance(device, dict) else None
        if state not in {"pending", "active", "revoked"}:
            raise ServiceUnavailable(_BAD_ANSWER, code="bad-answer")
        try:
            return cls(
                state,
                None if head is None else Head.parse(head),
                None if wish is None else _wish(wish),
                restored=isinstance(device, dict) and device.get("restored") is True,
            )
        except ProtocolError:
            raise ServiceUnavailable(_BAD_ANSWER, code="bad-answer") from None

    @classmethod
    def load(cls, state: State) -> Self | None:
        """What was said last; None before the first session."""
        stored = state.get(Kind.STANDING)
        if stored is None:
            return None
        head, wish = stored["head"], stored["pending_reset"]
        return cls(
            stored["device"],
            None if head is None else Head(**head),
            None if wish is None else PendingReset(**wish),
            restored=stored.get("restored", False),
        )

    def save(self, state: State) -> None:
        state.put(Kind.STANDING, asdict(self))


def _wish(value: object) -> PendingReset:
    times = ("requested_at", "due_at")
    if not isinstance(value, dict) or not all(encoding.is_integer(value.get(time)) for time in times):
        raise ServiceUnavailable(_BAD_ANSWER, code="bad-answer")
    device = identifiers.hash256(value.get("device"))
    return PendingReset(device, value["requested_at"], value["due_at"])
