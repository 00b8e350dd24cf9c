"""When a reset waits, so that a device that was never lost can veto it (docs/protocol.md, "Reset")."""

from dataclasses import dataclass

from common.errors import Forbidden, ResetDelayed

LINK_LIFETIME = 300
"""How long after it signed in a device may reset, in seconds: whoever does reads the address's mail now."""
SEEN_WITHIN = 7 * 86_400
"""A device that was seen in this time may be in use, in seconds."""
DELAY = 86_400
LIFETIME = 7 * 86_400
"""How long after it is due a wish counts, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A device's wish to reset its account. Times are seconds since the epoch."""

    device: str
    requested_at: int
    due_at: int

    def counts(self, now: float) -> bool:
        return now < self.due_at + LIFETIME

    def delayed(self) -> ResetDelayed:
        return ResetDelayed(
            "Another device of the account was in use lately. Wait until the reset is due; meanwhile it can be vetoed.",
            due_at=self.due_at,
        )


def wish_before(
    wish: Wish | None, *, device: str, began: float, others_seen: bool, now: float
) -> Wish | None:
    """What `device` has to wait for before its reset: the wish that stands, or a new one; None if for nothing.

    `began` is when the device's session began; `others_seen`, whether another active device was seen within SEEN_WITHIN.

    Raises:
        Forbidden: the session is too old, and the device has no wish that counts.
    """
    stands = wish if wish is not None and wish.counts(now) else None
    if stands is not None and stands.device == device:
        return stands if now < stands.due_at else None
    if now - began >= LINK_LIFETIME:
        raise Forbidden(
            "A reset needs a link that was mailed just now. Ask for a new link and sign in again."
        )
    if stands is not None:
        return stands
    if others_seen:
        return Wish(device=device, requested_at=int(now), due_at=int(now) + DELAY)
    return None
