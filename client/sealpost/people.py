"""Who a profile is, and the number by which two people compare their keys."""

from dataclasses import dataclass

from sealpost.device import Device
from sealpost.protocol.safety import grouped


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this profile is. `uid` and `device` are None before the first sign-in."""

    address: str
    service: str
    uid: str | None
    device: Device | None
    signed_in: bool


@dataclass(frozen=True, slots=True)
class SafetyNumber:
    """Twelve groups of five digits that both people see alike, if nobody stands between them.

    `root` is that of the person's key chain, which the number vouches for. `reset` says that they began anew since another
    number was compared with them.
    """

    address: str
    uid: str
    digits: str
    root: str
    verified: bool
    reset: bool

    def __str__(self) -> str:
        return grouped(self.digits)
