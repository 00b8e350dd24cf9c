"""What one device of a person knows of others, told to that person's other devices: the conversation with oneself."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from sealpost.contacts import Contacts, Found
from sealpost.counters import counter
from sealpost.device import OwnDevice
from sealpost.errors import SealpostError
from sealpost.posting import Posting
from sealpost.protocol import bounds, recipients
from sealpost.protocol import conversation as conversations
from sealpost.protocol.body import Pin, Pins
from sealpost.protocol.conversation import Conversation
from sealpost.protocol.errors import ProtocolError
from sealpost.protocol.identifiers import new_message_id, self_conversation
from sealpost.protocol.sealing import seal
from sealpost.service import Service
from sealpost.state import Kind, State


class Sync:
    """`own` is one's own uid; `now` gives Unix seconds."""

    def __init__(
        self,
        *,
        state: State,
        posting: Posting,
        service: Service,
        contacts: Contacts,
        device: OwnDevice,
        own: str,
        now: Callable[[], float],
    ) -> None:
        self._state = state
        self._posting = posting
        self._service = service
        self._contacts = contacts
        self._device = device
        self._own = own
        self._now = now
        self._cid = self_conversation(own)

    def tell_all(self) -> None:
        """Tells of everybody who is pinned: a device has joined that knows nobody."""
        with self._state.transaction():
            self._contacts.expected.tell(*(pin.uid for pin in self.pins()))
        self.tell()

    def pins(self) -> tuple[Pin, ...]:
        """Everybody who is pinned, and what the person compared: for another device, or a backup."""
        known = [stored["uid"] for stored in self._state.all(Kind.CONTACT)]
        return self._pins([uid for uid in known if uid != self._own])

    def tell(self) -> None:
        """Tells what the other devices have not been told yet. Where that fails, the next time does it."""
        if self._contacts.expected.untold():
            with suppress(SealpostError, ProtocolError), self._state.alone():
                self._tell()

    def _tell(self) -> None:
        uids = self._contacts.expected.untold()
        own = self._contacts.own()
        if own is None:
            return
        if len(own.chain.active_devices) == 1:  # whoever joins is told of all
            self._contacts.expected.told(uids)
            return
        (found,) = self._contacts.find(uids=[self._own])
        if found is None:
            return
        for start in range(0, len(uids), bounds.MAX_PINS):
            chunk = uids[start : start + bounds.MAX_PINS]
            if not self._send(Pins(self._pins(chunk)), found):
                return
            self._contacts.expected.told(chunk)

    def _pins(self, uids: Sequence[str]) -> tuple[Pin, ...]:
        contacts = [contact for uid in uids if (contact := self._contacts.pinned(uid)) is not None]
        return tuple(
            Pin(
                uid=contact.uid,
                head=(contact.chain.head.seq, contact.chain.head.hash),
                verified=contact.verified,
                addresses=tuple(self._contacts.book.addresses_of(contact.uid)[: bounds.MAX_PIN_ADDRESSES]),
            )
            for contact in contacts
        )

    def _send(self, pins: Pins, own: Found) -> bool:
        """False while no other device has a key that it could read with."""
        chosen = recipients.choose(
            {self._own: own.member},
            sender=self._own,
            sending_device=self._device.key.kid,
            now=int(self._now()),
            expires=False,
        )
        devices = {key.key.kid for key in own.member.current_keys(int(self._now()))}
        if not any(key.kid in devices for key in chosen.keys):
            return False
        conversation = self._conversation(own)
        mid = new_message_id(int(self._service.now() * 1000))
        sealed = seal(
            body=pins.to_json(),
            conversation=conversation,
            heads={self._own: own.member.chain.head},
            mid=mid,
            uid=self._own,
            n=self._next_number(),
            now=int(self._service.now() * 1000),
            expires_at=None,
            signing_key=self._device.key,
            recipients=chosen.keys,
        )
        self._posting.post(cid=self._cid, mid=mid, envelope=sealed.envelope)
        return True

    def _next_number(self) -> int:
        """Numbers of messages that were never accepted leave gaps, of which nobody is told in this conversation."""
        with self._state.transaction():
            numbers = counter(self._state, self._cid)
            n = int(numbers["sent"]) + 1
            self._state.put(Kind.COUNTER, numbers | {"sent": n}, self._cid)
        return n

    def _conversation(self, own: Found) -> Conversation:
        chain = own.member.chain

        def create() -> str:
            now = int(self._service.now())
            return conversations.create_self(uid=self._own, head=chain.head, key=self._device.key, now=now)

        return self._contacts.begin_conversation(self._cid, {self._own: chain}, create)
