"""Comparing keys: the safety number, what the person vouches for by it, and what they take without."""

import shlex
from dataclasses import dataclass

from sealpost import addresses, refusals
from sealpost.contacts import Contacts
from sealpost.errors import UsageError, nobody_there
from sealpost.people import SafetyNumber
from sealpost.protocol.safety import safety_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`own` is one's own uid. An address may be written in any way."""

    contacts: Contacts
    own: str

    def number(self, address: str) -> SafetyNumber:
        """Looks a person up, and gives the number to compare with what they see."""
        whom = addresses.normal(address)
        own = self.contacts.own()
        if own is None:
            raise refusals.not_linked()
        (found,) = self.contacts.find(addresses=[whom])
        if found is None:
            raise nobody_there(whom)
        contact, root = found.contact, found.contact.chain.head.root
        digits = safety_number(self.own, own.chain.head.root, contact.uid, root)
        self.contacts.number_shown(contact.uid, digits)
        return SafetyNumber(
            address=whom,
            uid=contact.uid,
            digits=digits,
            root=root,
            verified=contact.is_verified(),
            reset=contact.is_unaccepted(),
        )

    def mark(self, address: str) -> SafetyNumber:
        """Remembers that the person found the number equal.

        Raises Unsafe where it is not the number that they were shown last: keys have changed in between.
        """
        before = self.contacts.pinned(self.contacts.uid_of(addresses.normal(address)) or "")
        number = self.number(address)
        shown = None if before is None else before.shown
        after = self.contacts.pinned(number.uid)
        was_reset = after is not None and bool(after.chain.resets)
        is_shown = shown == number.digits or (shown is None and not was_reset)
        if not is_shown or not self.contacts.vouch(number.uid, number.root):
            raise refusals.number_changed(number.address)
        return self.number(address)

    def accept(self, address: str) -> None:
        """Takes the new keys of a verified person who was reset, without comparing them."""
        whom = addresses.normal(address)
        if not self.contacts.accept(self.contacts.uid_of(whom) or ""):
            raise UsageError(
                f"There is nothing to accept of {whom}.",
                cure=f"Only a reset of somebody whom you had verified waits for it. "
                f"Look: sealpost verify {shlex.quote(whom)}",
            )
