"""Whom a message is sealed for."""

from collections.abc import Mapping
from dataclasses import dataclass

from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.encryption_keys import EncryptionKey
from sealpost.protocol.errors import Code, ProtocolError
from sealpost.protocol.jwk import PublicKey


@dataclass(frozen=True, slots=True)
class Member:
    """A member's verified chain and the newest verified key of each of its devices (by device id)."""

    chain: Chain
    keys: Mapping[str, EncryptionKey]

    def current_keys(self, now: int) -> tuple[EncryptionKey, ...]:
        """The keys that have not expired at ``now`` (seconds), of the devices that are active."""
        found = (self.keys.get(device.id) for device in self.chain.active_devices)
        return tuple(key for key in found if key is not None and not key.expired(now))


@dataclass(frozen=True, slots=True)
class Recipients:
    """The keys to seal for, ascending by kid, and the members without a device that can read, who are left out."""

    keys: tuple[PublicKey, ...]
    left_out: tuple[str, ...]


def choose(
    members: Mapping[str, Member], *, sender: str, sending_device: str, now: int, expires: bool
) -> Recipients:
    """The current key of every active device of every member but the sending device, and their history keys.

    ``members`` has every member of the conversation by uid, the ``sender`` too. A message that ``expires`` is sealed
    for no history key. In a direct conversation (two members) a counterpart without a device's key is
    ``no-active-device``; in one with oneself there may be no recipient at all, and nothing to send then.
    """
    keys: dict[str, PublicKey] = {}
    left_out: list[str] = []
    for uid, member in members.items():
        current = member.current_keys(now)
        keys |= {key.key.kid: key.key for key in current if key.device != sending_device}
        if member.chain.history is not None and not expires:
            keys[member.chain.history.key.kid] = member.chain.history.key
        if not current and uid != sender:
            left_out.append(uid)
    if left_out and len(members) == 2:  # noqa: PLR2004 - a direct conversation
        raise ProtocolError(Code.NO_ACTIVE_DEVICE, "the counterpart has no current key")
    return Recipients(tuple(keys[kid] for kid in sorted(keys)), tuple(left_out))


def check_unchanged(before: Mapping[str, Head], after: Mapping[str, Head]) -> None:
    """That a message may be sealed again: ``key-change`` where a member came, went or was reset in between."""
    if {uid: head.root for uid, head in before.items()} != {uid: head.root for uid, head in after.items()}:
        raise ProtocolError(Code.KEY_CHANGE, "members or their roots changed since the first sealing")
