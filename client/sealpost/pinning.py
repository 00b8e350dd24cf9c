"""Judging what the service shows of an account against what is pinned, and pinning it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from sealpost import refusals
from sealpost.address_book import AddressBook
from sealpost.changes import Changes
from sealpost.contact import Contact
from sealpost.errors import SealpostError
from sealpost.expected import Expectations
from sealpost.protocol import chain as chains
from sealpost.protocol import encoding, encryption_keys
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.encryption_keys import EncryptionKey
from sealpost.protocol.errors import Code, ForkError, ProtocolError
from sealpost.protocol.recipients import Member
from sealpost.state import Json, Kind, State

_LONGEST_EVIDENCE = 8192


@dataclass(frozen=True, slots=True)
class Found:
    """A contact as just looked up. `first` says that what it was asked for by, address or uid, was not pinned before.

    `shown` is the member with the keys that the service shows of it: `member` may have others, that are pinned.
    """

    contact: Contact
    member: Member
    shown: Member
    first: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What the service shows of one account, read but not verified."""

    head: Head
    statements: list[str]
    keys: list[str]

    @classmethod
    def read(cls, answer: Json) -> Self:
        try:
            head = Head.parse(answer.get("head"))
        except ProtocolError:
            raise refusals.bad_answer() from None
        return cls(head, texts(answer.get("statements")), texts(answer.get("encryption_keys")))


class Pinning:
    """Pins accounts. `own` is one's own uid, `device` this device's id; `now` gives Unix seconds.

    Every method runs in the caller's transaction, and returns a refusal instead of raising it: a freeze stays written.
    """

    def __init__(
        self,
        *,
        state: State,
        own: str,
        device: str,
        now: Callable[[], float],
        book: AddressBook,
        changes: Changes,
        expected: Expectations,
    ) -> None:
        self._state = state
        self._own = own
        self._device = device
        self._now = now
        self._book = book
        self._changes = changes
        self._expected = expected

    def pinned(self, uid: str) -> Contact | None:
        stored = self._state.get(Kind.CONTACT, uid)
        return None if stored is None else Contact.load(stored)

    def take(self, shown: Shown, *, before: Contact | None, address: str | None) -> Found | SealpostError:
        """Pins what one answer shows. `before` is what was pinned when it was asked for."""
        uid = shown.head.uid
        pinned = self.pinned(uid)
        who = self._book.who(uid, address)
        if pinned is None:
            return refusals.not_linked() if uid == self._own else self._take_first(shown, address, who)
        chain = self._judge(pinned, shown, before=before or pinned, who=who)
        if isinstance(chain, SealpostError):
            return chain
        grown = self.grow(replace(pinned, frozen=None), chain)
        if isinstance(grown, SealpostError):
            return grown
        return self._take_keys(grown, chain, shown.keys, before=before or pinned, address=address)

    def _judge(self, pinned: Contact, shown: Shown, *, before: Contact, who: str) -> Chain | SealpostError:
        """The pinned chain with what is shown; what contradicts it freezes."""
        freeze = refusals.frozen(pinned, who)
        if freeze is not None and freeze.code != Code.UPDATE_NEEDED:
            return freeze
        chain, refusal = _extended(pinned, shown, before=before)
        if refusal is not None:
            error, theirs = refusal
            if not _may_come_back(error, pinned.chain, shown.head):
                self._freeze(pinned, error, theirs)
            if error.code is Code.KEY_CHANGE:
                return refusals.key_change(who, "has new keys")
            return refusals.unsafe(error, who)
        if freeze is not None and pinned.frozen is not None and pinned.frozen[2] not in chain.statements:
            return freeze
        return chain

    def grow(self, pinned: Contact, chain: Chain) -> Contact | SealpostError:
        """Pins the verified chain that goes on from a contact's, and what it means for the person."""
        resets = [seq for seq in chain.resets if seq > pinned.known_seq]
        if chain.uid == self._own and any(chain.log[seq].device != self._device for seq in resets):
            foreign = next(seq for seq in resets if chain.log[seq].device != self._device)
            error = ProtocolError(Code.KEY_CHANGE, "a reset by another device")
            self._freeze(pinned, error, chain.statements[foreign])
            return refusals.own_reset()
        self._changes.record(pinned, chain)
        contact = replace(pinned, statements=chain.statements)
        if resets and pinned.verified is None:
            contact = replace(contact, renewed=True)
        met = self._meet(contact, chain)
        if isinstance(met, Contact):
            self._expected.settle(chain.uid)
        return met

    def extend(self, pinned: Contact, statements: Sequence[str]) -> Contact | SealpostError:
        """Pins statements that did not come by a look-up."""
        freeze = refusals.frozen(pinned, self._book.who(pinned.uid))
        if freeze is not None:
            return freeze
        chain, evidence = pinned.chain, ""
        try:
            for statement in statements:
                evidence = statement
                chain = chains.extend(chain, [statement])
        except ProtocolError as error:
            self._freeze(pinned, error, evidence)
            return refusals.unsafe(error, self._book.who(pinned.uid))
        return self.grow(pinned, chain)

    def meet_pinned(self, contact: Contact) -> None:
        """Takes what another device of one's own told of a pinned account, as far as its pinned chain reaches."""
        chain = contact.chain
        if self._expected.within(chain):
            met = self._meet(contact, chain)
            if isinstance(met, Contact):
                met.save(self._state)
                self._expected.settle(chain.uid)

    def _take_first(self, shown: Shown, address: str | None, who: str) -> Found | SealpostError:
        try:
            chain = chains.verify(shown.head.uid, shown.statements)
            chain.check_head(shown.head)
        except ProtocolError as error:
            return refusals.unsafe(error, who)
        contact = self._meet(Contact(uid=chain.uid, statements=chain.statements), chain)
        if isinstance(contact, SealpostError):
            return contact
        found = self._take_keys(contact, chain, shown.keys, before=contact, address=address)
        if isinstance(found, Found):
            self._changes.record_first(chain)
            self._expected.settle(chain.uid)
            self._expected.tell(chain.uid)
        return found

    def _meet(self, contact: Contact, chain: Chain) -> Contact | SealpostError:
        """Checks and takes what another device of one's own has told of the account. Saves nothing but a freeze."""
        try:
            return self._expected.met(contact, chain)
        except ForkError as error:
            self._freeze(contact, error, error.theirs)
            return refusals.unsafe(error, self._book.who(contact.uid))

    def _take_keys(
        self,
        contact: Contact,
        chain: Chain,
        statements: list[str],
        *,
        before: Contact,
        address: str | None,
    ) -> Found | SealpostError:
        """Contradicting encryption keys are refused, and freeze nobody: the pinned ones stay."""
        pinned = self.pinned(contact.uid)
        try:
            keys, shown = self._newest(contact, chain, statements, before=before)
        except ProtocolError as error:
            if pinned is not None:
                contact.save(self._state)
            return refusals.unsafe(error, self._book.who(contact.uid, address))
        contact = replace(contact, keys={device: key.statement for device, key in keys.items()})
        if contact != pinned:
            contact.save(self._state)
        first = pinned is None
        if address is not None:
            first = self._book.uid_of(address) is None
            self._book.pin(address, contact.uid)
        return Found(contact, Member(chain, keys), Member(chain, shown), first=first)

    def _newest(
        self, contact: Contact, chain: Chain, statements: list[str], *, before: Contact
    ) -> tuple[dict[str, EncryptionKey], dict[str, EncryptionKey]]:
        """The newest key of each active device, and those of them of the devices that the service shows a key of.

        One that the service no longer shows stays pinned and counts.

        An answer that another process's look-up overtook is no rollback: it may be as old as `before`.
        """
        now = int(self._now())
        active = {device.id for device in chain.active_devices}
        newest = {
            device: encryption_keys.verify(statement, chain=chain, now=now)
            for device, statement in contact.keys.items()
            if device in active
        }
        devices = {key.statement: device for device, key in newest.items()}
        shown: set[str] = set()
        for statement in statements:
            if statement in devices:
                shown.add(devices[statement])
                continue
            key = encryption_keys.verify(statement, chain=chain, now=now)
            pinned = newest.get(key.device)
            known = before.keys.get(key.device)
            if pinned is not None and known is not None and known != pinned.statement:
                overtaken = encryption_keys.verify(known, chain=chain, now=now)
                encryption_keys.verify(statement, chain=chain, now=now, pinned=overtaken)
                if key.n < pinned.n:
                    shown.add(key.device)
                    continue
            newest[key.device] = encryption_keys.verify(statement, chain=chain, now=now, pinned=pinned)
            shown.add(key.device)
        return newest, {device: newest[device] for device in shown}

    def _freeze(self, contact: Contact, error: ProtocolError, theirs: str) -> None:
        ours = error.ours if isinstance(error, ForkError) else contact.statements[-1]
        replace(contact, frozen=(error.code.value, ours, theirs[:_LONGEST_EVIDENCE])).save(self._state)


def _may_come_back(error: ProtocolError, chain: Chain, shown: Head) -> bool:
    """Whether the service may yet show what it does not show now: it withholds, or has lost a reset.

    That its own device alone can give back to it.
    """
    lost_reset = any(seq > shown.seq for seq in chain.resets)
    return error.code is Code.CHAIN_HIDDEN or (error.code is Code.CHAIN_ROLLBACK and lost_reset)


def _extended(
    pinned: Contact, shown: Shown, *, before: Contact
) -> tuple[Chain, tuple[ProtocolError, str] | None]:
    """The pinned chain with what is shown, or why not, with what the service showed as evidence."""
    chain, head, evidence = pinned.chain, shown.head, ""
    try:
        for statement in shown.statements:
            evidence = statement
            chain = chains.extend(chain, [statement])
        evidence = encoding.compact_json(head.to_json())
        if head.seq <= chain.head.seq and head.root != chain.head_at(head.seq).root:
            raise ProtocolError(Code.KEY_CHANGE, "another root is stated")
        if before.known_seq <= head.seq < chain.head.seq:  # another process's look-up overtook this one
            chain.check_reference(head.seq, head.hash)
        else:
            chain.check_head(head)
    except ProtocolError as error:
        return chain, (error, evidence)
    return chain, None


def texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise refusals.bad_answer()
    return value
