"""What one's own other devices have told of people: kept until this device sees those people's chains itself."""

from collections.abc import Iterable
from dataclasses import replace

from sealpost.contact import Contact
from sealpost.protocol import encoding
from sealpost.protocol.body import Pin
from sealpost.protocol.chain import Chain
from sealpost.protocol.errors import ForkError
from sealpost.state import Kind, State


class Expectations:
    """Every method runs in the caller's transaction. A pin that is kept here was told by an active device of one's own."""

    def __init__(self, *, state: State) -> None:
        self._state = state

    def expect(self, pin: Pin) -> None:
        """Keeps a pin; of two of one account the longer chain, and the mark that only one of them has."""
        known = self._expected(pin.uid)
        if known is not None:
            longest = max(known, pin, key=lambda one: one.head[0])
            pin = replace(longest, verified=pin.verified or known.verified)
        self._state.put(Kind.EXPECTED, pin.to_json(), pin.uid)

    def within(self, chain: Chain) -> bool:
        """Whether what was told of an account speaks of no statement beyond this chain."""
        pin = self._expected(chain.uid)
        return pin is not None and max(pin.head[0], pin.verified[1] if pin.verified else 0) <= chain.head.seq

    def met(self, contact: Contact, chain: Chain) -> Contact:
        """The contact with what was told of it, which its chain must contain: else ForkError, two different chains.

        A mark for an earlier root of this chain waits to be accepted, as if it had been made here. `settle` once the contact
        is saved: a look-up that is refused after all forgets nothing.
        """
        pin = self._expected(contact.uid)
        if pin is None:
            return contact
        _check(chain, pin, *pin.head)
        if pin.verified is not None:
            root, seq, statement_hash = pin.verified
            _check(chain, pin, seq, statement_hash)
            if root != chain.head_at(seq).root:
                raise _fork(chain, pin, seq)
            if not contact.is_verified():
                contact = replace(contact, verified=pin.verified, renewed=False)
        return contact

    def settle(self, uid: str) -> None:
        """What was told of an account was met, and the contact is saved."""
        self._state.delete(Kind.EXPECTED, uid)

    def tell(self, *uids: str) -> None:
        """The other devices are to hear of these accounts."""
        for uid in uids:
            self._state.put(Kind.UNTOLD, {"uid": uid}, uid)

    def untold(self) -> list[str]:
        return [stored["uid"] for stored in self._state.all(Kind.UNTOLD)]

    def told(self, uids: Iterable[str]) -> None:
        for uid in uids:
            self._state.delete(Kind.UNTOLD, uid)

    def _expected(self, uid: str) -> Pin | None:
        stored = self._state.get(Kind.EXPECTED, uid)
        return None if stored is None else Pin.parse(stored)


def _check(chain: Chain, pin: Pin, seq: int, statement_hash: str) -> None:
    if seq > chain.head.seq or chain.hashes[seq] != statement_hash:
        raise _fork(chain, pin, seq)


def _fork(chain: Chain, pin: Pin, seq: int) -> ForkError:
    return ForkError(
        "two of one's own devices were shown different chains",
        ours=chain.statements[min(seq, chain.head.seq)],
        theirs=encoding.compact_json(pin.to_json()),
    )
