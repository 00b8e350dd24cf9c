"""Receiving: every document goes through the protocol's checks; what passes is stored and shown, what fails is named."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sealpost import __version__, addresses
from sealpost.contacts import Contacts
from sealpost.device import OwnDevice
from sealpost.errors import SealpostError, ServiceProblem, Unsafe
from sealpost.mailbox import MessageDocument
from sealpost.protocol import bounds
from sealpost.protocol.body import Text
from sealpost.protocol.chain import Chain
from sealpost.protocol.errors import NOTICES, SENTENCES, Code, HiddenError, Notice, ProtocolError
from sealpost.protocol.opening import AlreadySeen, Document, Known, Opened, Receiver, open_message
from sealpost.state import Kind, State, StoredMessage
from sealpost.verdicts import Held, Verdicts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MILLISECOND = 253_402_214_400_000
"""The last day of the year 9999: what a signer writes beyond it, no calendar shows."""
_LOOK_UPS = 3
_CONFIRM_AGAIN = 60.0
"""Seconds without further look-ups of claimed addresses after one that failed."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that passed every check, or one's own (`outgoing`).

    `peer` is the other side's uid; `address` theirs if confirmed (a look-up of it gives that uid), else None.
    `text` is exact: make it harmless before it reaches a terminal. `sent_at` is the service's word; `signed_at` is the
    sender's, given where the two differ by more than ten minutes: show both then.
    """

    id: str
    conversation_id: str
    peer: str
    address: str | None
    text: str = field(repr=False)
    sent_at: datetime
    outgoing: bool
    verified: bool
    notices: tuple[str, ...]
    signed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that failed a check: its reason, never its content."""

    id: str
    conversation_id: str
    peer: str
    address: str | None
    sent_at: datetime
    code: str
    reason: str


Item = Message | Refused


class Reader:
    """Opens documents for one's own device and keeps what they hold. `now` gives Unix seconds."""

    def __init__(
        self, *, state: State, contacts: Contacts, device: OwnDevice, own: str, now: Callable[[], float]
    ) -> None:
        self._state = state
        self._contacts = contacts
        self._device = device
        self._own = own
        self._now = now
        self._verdicts = Verdicts(state=state, now=now)
        self._answered: set[tuple[str, str]] = set()
        self._confirm_from = 0.0

    def read(self, document: MessageDocument) -> Item | None:
        """Checks and stores one document; None for one that is known.

        Also None for one that names this device as its sender: one's own copy was kept when it was sent, and of what
        this device did not send nothing is kept, so that a true document may still come in its place.

        Raises ServiceUnavailable or ServiceProblem when a look-up that the checks need fails: the document is then
        read again later.
        """
        own = (document.sender_uid, document.sender_device) == (self._own, self._device.key.kid)
        if own or self._verdicts.known(document):
            self._verdicts.pass_over(document)
            return None
        return self._judge(document)

    def reopen(self) -> Iterator[Item]:
        """Judges again what was refused for a reason that may be gone: a freeze has ended, or this is another version."""
        for held in self._verdicts.held():
            frozen = self._frozen(held.document.sender_uid, self._own) is not None
            if held.version == __version__ and (frozen or not held.frozen):
                continue
            item = self._judge(held.document)
            if item is not None:
                yield item

    def item(self, stored: StoredMessage) -> Item | None:
        """What is shown of a stored message; None for a place that holds nothing to show."""
        content = stored.content
        if content["kind"] not in {"sent", "received", "refused"}:
            return None
        uid = content["uid"]
        sent_at = _EPOCH + timedelta(microseconds=stored.sent_at)
        if content["kind"] == "refused":
            reason = SENTENCES[Code(content["code"])]
            address = self._contacts.address_of(uid)
            return Refused(stored.mid, stored.cid, uid, address, sent_at, content["code"], reason)
        contact = self._contacts.pinned(uid)
        claimed, signed = content["address"], content.get("signed")
        return Message(
            id=stored.mid,
            conversation_id=stored.cid,
            peer=uid,
            address=claimed if self._contacts.uid_of(claimed) == uid else None,
            text=content["text"],
            sent_at=sent_at,
            outgoing=content["kind"] == "sent",
            verified=contact is not None and contact.is_verified(),
            notices=tuple(NOTICES[Notice(notice)] for notice in content.get("notices", ())),
            signed_at=None if signed is None else _differing(signed, stored.sent_at),
        )

    def history(self, *, new: bool) -> Iterator[Item]:
        """Stored messages in the server's order: all, or those not shown yet. Expired ones are emptied first."""
        now = int(self._now() * 1000)
        kept: list[StoredMessage] = []
        expired: list[StoredMessage] = []
        for stored in self._state.messages(new=new):
            expires = stored.content.get("expires")
            (kept if expires is None or expires > now else expired).append(stored)
        if expired:
            with self._state.destroying():
                for stored in expired:
                    self._verdicts.empty(stored)
        for stored in kept:
            if new:
                self._confirm(stored)
            item = self.item(stored)
            if item is not None:
                yield item

    def _judge(self, document: MessageDocument) -> Item | None:
        """The checks, and what is kept of their verdict."""
        try:
            opened = self._open(document)
            if isinstance(opened, AlreadySeen):
                self._verdicts.settle(document)
                return None
            text = _text(opened)
        except ProtocolError as error:
            return self._refuse(document, error)
        return self._accept(document, opened, text)

    def _open(self, document: MessageDocument) -> Opened | AlreadySeen:
        """The protocol's checks, with a look-up for each state that they find missing."""
        if self._frozen(document.sender_uid) is Code.UPDATE_NEEDED:
            self._look_up(document, HiddenError("a freeze that may end", chains={document.sender_uid: 0}))
        frozen = self._frozen(document.sender_uid)
        if frozen is not None:
            raise ProtocolError(frozen, "the sender is frozen")
        uids, receiver = {self._own, document.sender_uid}, self._receiver()
        missing: tuple[Mapping[str, int], int | None] | None = None
        for _ in range(_LOOK_UPS + 1):
            chains = self._chains(uids)
            try:
                return open_message(
                    _protocol_document(document),
                    receiver=receiver,
                    known=Known(
                        chains=chains,
                        conversation=partial(self._contacts.pinned_conversation, document.cid, chains),
                        seen=self._verdicts.seen(document),
                        highest_n=self._received(document.cid).get(document.sender_device, 0),
                        now=int(self._now() * 1000),
                    ),
                )
            except HiddenError as hidden:
                if missing == (hidden.chains, hidden.conversation):
                    raise
                missing = hidden.chains, hidden.conversation
                self._look_up(document, hidden)
                uids |= hidden.chains.keys()
        raise ProtocolError(Code.CHAIN_HIDDEN, "more was missing after each look-up")

    def _look_up(self, document: MessageDocument, hidden: HiddenError) -> None:
        """Asks the service for what is missing. What it will not look up, it does not show."""
        asked = [uid for uid in hidden.chains if uid in {self._own, document.sender_uid}]
        try:
            if asked:
                self._contacts.find(uids=asked)
            if hidden.conversation is not None:
                pair = self._chains({self._own, document.sender_uid})
                self._contacts.find_conversation(document.cid, pair)
        except ServiceProblem as problem:
            if problem.code != "invalid-request":
                raise
        except Unsafe as error:
            refusal = ProtocolError(Code(error.code), "what the service shows contradicts the pins")
            refusal.inner_hash = hidden.inner_hash
            raise refusal from None

    def _frozen(self, *uids: str) -> Code | None:
        """Why one of these accounts is frozen."""
        for uid in uids:
            contact = self._contacts.pinned(uid)
            if contact is not None and contact.frozen is not None:
                return Code(contact.frozen[0])
        return None

    def _chains(self, uids: Collection[str]) -> dict[str, Chain]:
        pinned = (self._contacts.pinned(uid) for uid in uids)
        return {contact.uid: contact.chain for contact in pinned if contact is not None}

    def _receiver(self) -> Receiver:
        return Receiver(
            uid=self._own,
            device=self._device.key.kid,
            keys=self._device.receiving_keys(),
            destroyed=self._device.destroyed_kids(),
        )

    def _confirm(self, stored: StoredMessage) -> None:
        """Asks whether the address that the sender claims leads to the sender.

        The message is stored by then, and no failure holds it back: it is shown with the address unconfirmed.
        """
        if stored.content["kind"] != "received" or self._now() < self._confirm_from:
            return
        claimed = (stored.content["address"], stored.content["uid"])
        if claimed in self._answered or not addresses.is_address(claimed[0]):
            return
        try:
            self._contacts.confirm(*claimed)
        except SealpostError:
            self._confirm_from = self._now() + _CONFIRM_AGAIN
        else:
            self._answered.add(claimed)

    def _accept(self, document: MessageDocument, opened: Opened, text: Text) -> Item | None:
        content = {
            "kind": "received",
            "uid": document.sender_uid,
            "address": text.sender.lower(),
            "text": text.text,
            "inner": opened.inner_hash,
            "signed": opened.context.iat,
            "expires": opened.context.exp,
            "notices": [notice.value for notice in opened.notices],
        }
        with self._state.transaction():
            counter = self._state.get(Kind.COUNTER, document.cid) or {"sent": 0, "received": {}}
            highest = max(opened.context.n, counter["received"].get(document.sender_device, 0))
            received = counter["received"] | {document.sender_device: highest}
            self._state.put(Kind.COUNTER, counter | {"received": received}, document.cid)
            kept = self._verdicts.keep(document, content)
        if kept is None:
            return None
        self._confirm(kept)
        return self.item(kept)

    def _refuse(self, document: MessageDocument, error: ProtocolError) -> Item | None:
        """Remembers a refusal; the document too where an update, or the end of a freeze, may mend it."""
        verdict = {"kind": "refused", "uid": document.sender_uid, "code": error.code.value}
        if error.inner_hash is not None:
            verdict["inner"] = error.inner_hash
        frozen = self._frozen(document.sender_uid, self._own) is not None
        mendable = frozen or error.code is Code.UPDATE_NEEDED
        held = Held(document, frozen, __version__) if mendable else None
        kept = self._verdicts.keep(document, verdict, held=held)
        return None if kept is None else self.item(kept)

    def _received(self, cid: str) -> dict[str, int]:
        counter = self._state.get(Kind.COUNTER, cid)
        return counter["received"] if counter else {}


def _protocol_document(document: MessageDocument) -> Document:
    return Document(
        cid=document.cid,
        mid=document.mid,
        sender_uid=document.sender_uid,
        sender_device=document.sender_device,
        sent_at=document.sent_at // 1000,
        expires_at=None if document.expires_at is None else document.expires_at // 1000,
        envelope=document.envelope,
    )


def _text(opened: Opened) -> Text:
    try:
        return Text.parse(opened.body)
    except ProtocolError as error:
        error.inner_hash = opened.inner_hash
        raise


def _differing(signed: int, sent_at: int) -> datetime | None:
    """The signed time (milliseconds), if it is more than ten minutes from the service's (microseconds)."""
    if abs(signed - sent_at // 1000) <= bounds.CLOCK_NOTICE:
        return None
    return _EPOCH + timedelta(milliseconds=min(signed, _LAST_MILLISECOND))
