"""Receiving: every document goes through the protocol's checks; what passes is stored and shown, what fails is named."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from heapq import merge

from sealpost import __version__, addresses
from sealpost.changes import Change
from sealpost.contacts import Contacts
from sealpost.counters import counter
from sealpost.device import OwnDevice
from sealpost.errors import SealpostError, ServiceProblem, Unsafe
from sealpost.items import Item, Items, Message, Refused, when
from sealpost.mailbox import MessageDocument
from sealpost.protocol import bounds
from sealpost.protocol.body import Pins, Text
from sealpost.protocol.chain import Chain
from sealpost.protocol.envelope import Outer
from sealpost.protocol.errors import Code, HiddenError, Notice, ProtocolError
from sealpost.protocol.identifiers import self_conversation
from sealpost.protocol.opening import AlreadySeen, Document, Known, Opened, OwnKey, Receiver, open_message
from sealpost.state import Json, Kind, State, StoredMessage
from sealpost.verdicts import Held, Verdicts

__all__ = ["Item", "Message", "Reader", "Refused"]

_LOOK_UPS = 3
_CONFIRM_AGAIN = 60.0
"""Seconds without further look-ups of claimed addresses after one that failed."""
_BELIEVE_AGAIN = 86400.0
"""Seconds in which no claim is looked up of somebody whose last one was false: only so many addresses may be asked for."""


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
        self._items = Items(state=state, contacts=contacts)
        self._verdicts = Verdicts(state=state, now=now)
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

    def history(self, *, new: bool) -> Iterator[Item]:
        """What is kept, or was not shown yet: messages in the server's order, changes by their signed time between.

        Expired messages are emptied first.
        """
        return merge(self._messages(new=new), self._items.changes(new=new), key=when)

    def fresh_changes(self) -> Iterator[Change]:
        """Changes that look-ups have brought since the last time, or since what is new was asked for."""
        yield from self._items.fresh_changes()

    def mark_shown(self, item: Item) -> None:
        """`item` is not handed out again."""
        self._items.mark_shown(item)

    def restore(self, document: MessageDocument, keys: Mapping[str, OwnKey]) -> Item | None:
        """Opens a document with history keys (by kid, `device` None) and keeps it; it counts as shown.

        None, and nothing kept, for one that does not open, or was read before, or that a catch-up brings: one that is
        sealed for this device too.
        """
        try:
            if not self._device.receiving_keys().keys().isdisjoint(Outer.parse(document.envelope).kids):
                return None
            opened = self._open(document, keys)
            return None if isinstance(opened, AlreadySeen) else self._keep(document, opened, new=False)
        except ProtocolError:
            return None

    def _messages(self, *, new: bool) -> Iterator[Item]:
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
            item = self._items.of(stored)
            if item is not None:
                yield item

    def _judge(self, document: MessageDocument) -> Item | None:
        """The checks, and what is kept of their verdict."""
        try:
            opened = self._open(document)
            if isinstance(opened, AlreadySeen):
                self._verdicts.settle(document)
                return None
            return self._keep(document, opened, new=True)
        except ProtocolError as error:
            if error.code is Code.NOT_FOR_ME and self._is_before_this_device(document):
                self._verdicts.pass_over(document)
                return None
            return self._refuse(document, error)

    def _open(
        self, document: MessageDocument, history: Mapping[str, OwnKey] | None = None
    ) -> Opened | AlreadySeen:
        """The protocol's checks, with a look-up for each state that they find missing."""
        if self._frozen(document.sender_uid) is Code.UPDATE_NEEDED:
            ended = HiddenError("a freeze that may end", chains={document.sender_uid: 0})
            self._look_up(document, ended, {document.sender_uid})
        frozen = self._frozen(document.sender_uid)
        if frozen is not None:
            raise ProtocolError(frozen, "the sender is frozen")
        uids, receiver = {self._own, document.sender_uid}, self._receiver(history or {})
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
                        highest_n=self._highest(document),
                        now=int(self._now() * 1000),
                    ),
                )
            except HiddenError as hidden:
                if missing == (hidden.chains, hidden.conversation):
                    raise
                missing = hidden.chains, hidden.conversation
                uids |= hidden.chains.keys()
                self._look_up(document, hidden, uids)
        raise ProtocolError(Code.CHAIN_HIDDEN, "more was missing after each look-up")

    def _look_up(self, document: MessageDocument, hidden: HiddenError, uids: set[str]) -> None:
        """Asks the service for what is missing. What it will not look up, it does not show.

        A stranger names no accounts to look up but his own; one's own device names whom it wrote to.
        """
        is_own = document.sender_uid == self._own
        asked = [uid for uid in hidden.chains if is_own or uid in {self._own, document.sender_uid}]
        try:
            if asked:
                self._contacts.find(uids=asked)
            if hidden.conversation is not None:
                self._find_conversation(document.cid, uids)
        except ServiceProblem as problem:
            if problem.code != "invalid-request":
                raise
        except Unsafe as error:
            refusal = ProtocolError(Code(error.code), "what the service shows contradicts the pins")
            refusal.inner_hash = hidden.inner_hash
            raise refusal from None

    def _find_conversation(self, cid: str, uids: set[str]) -> None:
        """Of one's own device's message the other member is known by the conversation alone, which they may have made."""
        try:
            self._contacts.find_conversation(cid, self._chains(uids))
        except HiddenError as maker:
            self._contacts.find(uids=list(maker.chains))
            uids |= maker.chains.keys()
            self._contacts.find_conversation(cid, self._chains(uids))

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

    def _receiver(self, history: Mapping[str, OwnKey]) -> Receiver:
        return Receiver(
            uid=self._own,
            device=self._device.key.kid,
            keys={**self._device.receiving_keys(), **history},
            destroyed=self._device.destroyed_kids(),
        )

    def _is_before_this_device(self, document: MessageDocument) -> bool:
        """Whether a document was sent before this device joined the account, give or take the clocks."""
        joined = self._joined()
        return joined is not None and document.sent_at <= (joined + bounds.CLOCK_TOLERANCE) * 1_000_000

    def _joined(self) -> int | None:
        """When (Unix seconds) this device joined an account that others had; None for the first one."""
        own = self._contacts.own()
        device = None if own is None else own.chain.devices.get(self._device.key.kid)
        return None if own is None or device is None or device.added == 0 else own.chain.times[device.added]

    def _highest(self, document: MessageDocument) -> int | None:
        """The highest n seen of the sending device; None where its first messages were before this device's time."""
        received: dict[str, int] = counter(self._state, document.cid)["received"]
        first = 0 if self._joined() is None else None
        return received.get(document.sender_device, first)

    def _confirm(self, stored: StoredMessage) -> None:
        """Asks whether the address that the sender claims leads to the sender.

        The message is stored by then, and no failure holds it back: it is shown with the address unconfirmed.
        """
        if stored.content["kind"] != "received" or self._now() < self._confirm_from:
            return
        address, uid = stored.content["address"], stored.content["uid"]
        if self._contacts.uid_of(address) == uid or not addresses.is_address(address):
            return
        lied = self._state.get(Kind.FALSE_CLAIM, uid)
        if lied is not None and self._now() < lied["at"] + _BELIEVE_AGAIN:
            return
        try:
            if not self._contacts.confirm(address, uid):
                self._state.put(Kind.FALSE_CLAIM, {"at": self._now()}, uid)
        except SealpostError:
            self._confirm_from = self._now() + _CONFIRM_AGAIN

    def _keep(self, document: MessageDocument, opened: Opened, *, new: bool) -> Item | None:
        """Takes what an opened message says, and stores it."""
        try:
            content = self._content(
                document, opened, pins_count=new and Notice.REMOVED_DEVICE not in opened.notices
            )
        except ProtocolError as error:
            error.inner_hash = opened.inner_hash
            raise
        with self._state.transaction():
            numbers = counter(self._state, document.cid)
            highest = max(opened.context.n, numbers["received"].get(document.sender_device, 0))
            received = numbers["received"] | {document.sender_device: highest}
            self._state.put(Kind.COUNTER, numbers | {"received": received}, document.cid)
            kept = self._verdicts.keep(document, content, new=new and content["kind"] != "pins")
        if kept is None:
            return None
        self._confirm(kept)
        return self._items.of(kept)

    def _content(self, document: MessageDocument, opened: Opened, *, pins_count: bool) -> Json:
        """What is stored. Pins out of an old message, or by a device since removed, tell nothing."""
        kept = {"uid": document.sender_uid, "inner": opened.inner_hash}
        if document.cid == self_conversation(self._own) and opened.body["type"] == "pins":
            pins = Pins.parse(opened.body)
            if pins_count:
                self._contacts.take_pins(pins.pins)
            return kept | {"kind": "pins"}
        text = Text.parse(opened.body)
        said = {
            "text": text.text,
            "signed": opened.context.iat,
            "expires": opened.context.exp,
            "notices": [notice.value for notice in opened.notices],
        }
        if document.sender_uid != self._own:
            return kept | said | {"kind": "received", "address": text.sender.lower()}
        peer = next((uid for uid in opened.context.heads if uid != self._own), self._own)
        return kept | said | {"kind": "sent", "uid": peer, "address": self._contacts.address_of(peer)}

    def _refuse(self, document: MessageDocument, error: ProtocolError) -> Item | None:
        """Remembers a refusal; the document too where an update, or the end of a freeze, may mend it."""
        verdict = {"kind": "refused", "uid": document.sender_uid, "code": error.code.value}
        if error.inner_hash is not None:
            verdict["inner"] = error.inner_hash
        frozen = self._frozen(document.sender_uid, self._own) is not None
        mendable = frozen or error.code is Code.UPDATE_NEEDED
        held = Held(document, frozen, __version__) if mendable else None
        kept = self._verdicts.keep(document, verdict, held=held)
        return None if kept is None else self._items.of(kept)


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
