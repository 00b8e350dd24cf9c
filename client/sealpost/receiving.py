"""Receiving: every document goes through the protocol's checks; what passes is stored and shown, what fails is named."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sealpost import addresses
from sealpost.contacts import Contacts
from sealpost.device import OwnDevice
from sealpost.errors import Unsafe
from sealpost.mailbox import MessageDocument
from sealpost.protocol import encoding
from sealpost.protocol.body import Text
from sealpost.protocol.chain import Chain
from sealpost.protocol.errors import NOTICES, SENTENCES, Code, HiddenError, Notice, ProtocolError
from sealpost.protocol.opening import AlreadySeen, Document, Known, Opened, Receiver, open_message
from sealpost.service import Json
from sealpost.state import State, StoredMessage

_COUNTER = "counter"
_CURSOR = "cursor"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK_UPS = 3


@dataclass(frozen=True, slots=True)
class Message:
    """A message that passed every check, or one's own (`outgoing`).

    `peer` is the other side's uid; `address` theirs if confirmed (a look-up of it gives that uid), else None.
    `text` is exact: make it harmless before it reaches a terminal.
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

    def read(self, document: MessageDocument) -> Item | None:
        """Checks and stores one document; None for one that is known, or this device's own.

        Raises ServiceUnavailable when a look-up that the checks need fails: the document is then read again later.
        """
        stored = self._state.message(document.cid, document.mid)
        fingerprint = encoding.sha256(document.envelope.encode())
        if stored is not None and (
            stored.content.get("envelope") in {fingerprint, None}
            or self._state.message(document.cid, _replay(document, fingerprint)) is not None
        ):
            self._advance(document)
            return None
        if (document.sender_uid, document.sender_device) == (self._own, self._device.key.kid):
            self._keep_own(document)
            return None
        try:
            opened = self._open(document, None if stored is None else stored.content.get("inner"))
            if isinstance(opened, AlreadySeen):
                self._advance(document)
                return None
            text = Text.parse(opened.body)
            self._confirm(text.sender, document.sender_uid)
        except ProtocolError as error:
            return self._refuse(document, error.code, fingerprint, stored)
        except Unsafe as error:
            return self._refuse(document, Code(error.code), fingerprint, stored)
        return self._accept(document, opened, text, fingerprint)

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
        claimed = content["address"]
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
        )

    def history(self, *, new: bool) -> Iterator[Item]:
        """Stored messages in the server's order: all, or those not shown yet. Expired ones are emptied first."""
        now = int(self._now() * 1000)
        for stored in self._state.messages(new=new):
            expires = stored.content.get("expires")
            if expires is not None and expires <= now:
                self._empty(stored)
                continue
            item = self.item(stored)
            if item is not None:
                yield item

    def _open(self, document: MessageDocument, seen: str | None) -> Opened | AlreadySeen:
        """The protocol's checks, with a look-up for each state that they find missing."""
        missing: tuple[Mapping[str, int], int | None] | None = None
        for _ in range(_LOOK_UPS + 1):
            chains = self._chains(document.sender_uid)
            conversation = self._contacts.pinned_conversation(document.cid, chains)
            try:
                return open_message(
                    _protocol_document(document),
                    receiver=self._receiver(),
                    known=Known(
                        chains=chains,
                        conversation=conversation,
                        seen=seen,
                        highest_n=self._received(document.cid).get(document.sender_device, 0),
                        now=int(self._now() * 1000),
                    ),
                )
            except HiddenError as hidden:
                if missing == (hidden.chains, hidden.conversation):
                    raise
                missing = hidden.chains, hidden.conversation
                self._look_up(document, hidden)
        raise ProtocolError(Code.CHAIN_HIDDEN, "more was missing after each look-up")

    def _look_up(self, document: MessageDocument, hidden: HiddenError) -> None:
        asked = [uid for uid in hidden.chains if uid in {self._own, document.sender_uid}]
        if asked:
            self._contacts.find(uids=asked)
        if hidden.conversation is not None:
            self._contacts.find_conversation(document.cid, self._chains(document.sender_uid))

    def _chains(self, sender: str) -> dict[str, Chain]:
        pinned = (self._contacts.pinned(uid) for uid in {self._own, sender})
        return {contact.uid: contact.chain for contact in pinned if contact is not None}

    def _receiver(self) -> Receiver:
        return Receiver(
            uid=self._own,
            device=self._device.key.kid,
            keys=self._device.receiving_keys(),
            destroyed=self._device.destroyed_kids(),
        )

    def _confirm(self, claimed: str, uid: str) -> None:
        """Asks once whether the address that the sender claims leads to the sender; a no is no refusal."""
        if addresses.is_address(claimed):
            self._contacts.confirm(claimed.lower(), uid)

    def _accept(self, document: MessageDocument, opened: Opened, text: Text, fingerprint: str) -> Item | None:
        content = {
            "kind": "received",
            "uid": document.sender_uid,
            "address": text.sender.lower(),
            "text": text.text,
            "inner": opened.inner_hash,
            "envelope": fingerprint,
            "expires": opened.context.exp,
            "notices": [notice.value for notice in opened.notices],
        }
        kept = StoredMessage(document.cid, document.mid, document.sent_at, new=True, content=content)
        with self._state.transaction():
            counter = self._state.get(_COUNTER, document.cid) or {"sent": 0, "received": {}}
            highest = max(opened.context.n, counter["received"].get(document.sender_device, 0))
            received = counter["received"] | {document.sender_device: highest}
            self._state.put(_COUNTER, counter | {"received": received}, document.cid)
            self._state.put_message(kept)
            self._advance(document)
        return self.item(kept)

    def _refuse(
        self, document: MessageDocument, code: Code, fingerprint: str, stored: StoredMessage | None
    ) -> Item | None:
        """Remembers a refusal. One that an update may mend keeps its envelope; one under a known id stands beside it."""
        content = {"kind": "refused", "uid": document.sender_uid, "code": code.value, "envelope": fingerprint}
        if code is Code.UPDATE_NEEDED:
            content["sealed"] = document.envelope
        mid = document.mid if stored is None else _replay(document, fingerprint)
        kept = StoredMessage(document.cid, mid, document.sent_at, new=True, content=content)
        with self._state.transaction():
            self._state.put_message(kept)
            self._advance(document)
        return self.item(kept)

    def _keep_own(self, document: MessageDocument) -> None:
        """A place for a message of this device that its sending has not stored (yet)."""
        with self._state.transaction():
            if self._state.message(document.cid, document.mid) is None:
                content: Json = {"kind": "own"}
                self._state.put_message(
                    StoredMessage(document.cid, document.mid, document.sent_at, new=False, content=content)
                )
            self._advance(document)

    def _empty(self, stored: StoredMessage) -> None:
        """The tombstone of an expired message: enough to know a replay."""
        content: dict[str, Any] = {
            key: stored.content[key] for key in ("inner", "envelope") if key in stored.content
        }
        with self._state.transaction():
            self._state.put_message(
                StoredMessage(
                    stored.cid, stored.mid, stored.sent_at, new=False, content={"kind": "expired"} | content
                )
            )

    def _advance(self, document: MessageDocument) -> None:
        """The cursor: the newest sent_at seen, in microseconds."""
        cursor = self._state.get(_CURSOR)
        if cursor is None or document.sent_at > cursor["sent_at"]:
            self._state.put(_CURSOR, {"sent_at": document.sent_at})

    def _received(self, cid: str) -> dict[str, int]:
        counter = self._state.get(_COUNTER, cid)
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


def _replay(document: MessageDocument, fingerprint: str) -> str:
    """The id under which a refused second message of one id is kept."""
    return f"{document.mid}~{fingerprint[:8]}"
