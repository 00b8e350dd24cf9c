"""Sending: look up, verify, seal, send; the same bytes again after a lost answer, sealed anew once after a mismatch."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from sealpost import refusals
from sealpost.contacts import Contacts, Found
from sealpost.counters import counter
from sealpost.device import OwnDevice
from sealpost.errors import (
    NotSignedIn,
    SealpostError,
    ServiceProblem,
    ServiceUnavailable,
    Unsafe,
    UsageError,
    nobody_there,
)
from sealpost.posting import Posting
from sealpost.protocol import conversation as conversations
from sealpost.protocol import recipients
from sealpost.protocol.body import Text
from sealpost.protocol.chain import Head
from sealpost.protocol.conversation import Conversation
from sealpost.protocol.errors import Code, MessageTooLongError, ProtocolError
from sealpost.protocol.identifiers import direct_conversation, new_message_id
from sealpost.protocol.sealing import Sealed, seal
from sealpost.refusals import unsafe
from sealpost.service import Json, Service
from sealpost.state import Kind, State, StoredMessage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = "The message is kept. `sealpost send --resume` sends the same bytes: it cannot arrive twice."
_TRANSIENT = frozenset({"unauthenticated", "rate-limited", "request-timeout", "restored"})
"""Refusals after which the same bytes may still be accepted."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The service has stored the message.

    `first` says that it is the first to this person from this device, or to this address: nobody has compared keys for it.
    `renewed` says that they began anew with other keys (a reset) since the last one, unverified ones then and now.
    """

    message_id: str
    conversation_id: str
    to: str
    sent_at: datetime
    verified: bool
    first: bool
    renewed: bool


@dataclass(frozen=True, slots=True)
class _Draft:
    """A sealed message on its way; stored until the service has answered."""

    mid: str
    cid: str
    uid: str
    address: str
    text: str = field(repr=False)
    n: int
    heads: dict[str, Json]
    first: bool
    envelope: str = field(default="", repr=False)
    inner_hash: str = ""

    @classmethod
    def load(cls, stored: Json) -> Self:
        return cls(**stored)

    def pinned_heads(self) -> dict[str, Head]:
        return {uid: Head.parse(head) for uid, head in self.heads.items()}


class Sender:
    """Sends as one's own account. `own` is its uid, `email` its address."""

    def __init__(
        self,
        *,
        state: State,
        posting: Posting,
        service: Service,
        contacts: Contacts,
        device: OwnDevice,
        own: str,
        email: str,
        now: Callable[[], float],
    ) -> None:
        self._state = state
        self._posting = posting
        self._service = service
        self._contacts = contacts
        self._device = device
        self._own = own
        self._email = email
        self._now = now

    def send(self, address: str, text: str) -> Receipt:
        """One text to one address. Raises Unsafe when keys contradict what is pinned: then nothing was sent."""
        if address == self._email:
            raise _to_oneself()
        if not text:
            raise UsageError("The message is empty.", cure="For example: sealpost send ada@example.org Hello")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UsageError("The text is not UTF-8.", cure="It holds half a character.") from None
        with self._state.alone():
            peer = self._peer(self._contacts.find(addresses=[address], uids=[self._own]), address)
            contact = peer[0].contact
            if contact.uid == self._own:
                raise _to_oneself()
            cid = direct_conversation(self._own, contact.uid)
            n = counter(self._state, cid)["sent"] + 1
            draft = _Draft(
                mid=new_message_id(int(self._service.now() * 1000)),
                cid=cid,
                uid=contact.uid,
                address=address,
                text=text,
                n=n,
                heads={},
                first=peer[0].first or n == 1,
            )
            return self._deliver(self._sealed(draft, peer))

    def resume(self) -> list[Receipt]:
        """Sends what a lost answer left behind, byte for byte. What waits for an account since frozen is given up."""
        with self._state.alone():
            stop = self._contacts.alarm() or self._contacts.removed()
            if stop is not None:
                raise stop
            return [self._resumed(_Draft.load(stored)) for stored in self._state.all(Kind.OUTBOX)]

    def waiting(self) -> int:
        """How many messages wait for `resume`."""
        return len(self._state.all(Kind.OUTBOX))

    def _peer(self, found: list[Found | None], who: str) -> tuple[Found, Found]:
        """The recipient and oneself. Raises DeviceNotActive on a device that was removed."""
        removed = self._contacts.removed()
        if removed is not None:
            raise removed
        peer, own = found
        if peer is None:
            raise nobody_there(who)
        if own is None:
            raise Unsafe(
                "The service does not show your own keys.",
                code=Code.CHAIN_HIDDEN.value,
                cure="Nothing was sent.",
            )
        if peer.contact.is_unaccepted():
            raise refusals.unaccepted(who)
        return peer, own

    def _sealed(self, draft: _Draft, pair: tuple[Found, Found]) -> _Draft:
        """The draft sealed for the pair's present keys, and stored."""
        members = {found.contact.uid: found.member for found in pair}
        heads = {uid: member.chain.head for uid, member in members.items()}
        try:
            sealed = self._seal(draft, members, heads)
        except ProtocolError as error:
            raise unsafe(error, draft.address) from None
        except MessageTooLongError as error:
            raise UsageError(error.sentence, code="payload-too-large", cure="Send it in parts.") from None
        draft = replace(
            draft,
            heads={uid: head.to_json() for uid, head in heads.items()},
            envelope=sealed.envelope,
            inner_hash=sealed.inner_hash,
        )
        with self._state.transaction():
            self._state.put(Kind.OUTBOX, asdict(draft), draft.mid)
            self._state.put(Kind.COUNTER, counter(self._state, draft.cid) | {"sent": draft.n}, draft.cid)
        return draft

    def _seal(
        self, draft: _Draft, members: Mapping[str, recipients.Member], heads: Mapping[str, Head]
    ) -> Sealed:
        chosen = recipients.choose(
            members,
            sender=self._own,
            sending_device=self._device.key.kid,
            now=int(self._now()),
            expires=False,
        )
        return seal(
            body=Text(draft.text, self._email).to_json(),
            conversation=self._conversation(draft, members),
            heads=heads,
            mid=draft.mid,
            uid=self._own,
            n=draft.n,
            now=int(self._service.now() * 1000),
            expires_at=None,
            signing_key=self._device.key,
            recipients=chosen.keys,
        )

    def _conversation(self, draft: _Draft, members: Mapping[str, recipients.Member]) -> Conversation:
        """The direct conversation; created when the service has none yet."""
        chains = {uid: member.chain for uid, member in members.items()}

        def create() -> str:
            return conversations.create_direct(
                uid=self._own,
                other=draft.uid,
                head=chains[self._own].head,
                key=self._device.key,
                now=int(self._service.now()),
            )

        return self._contacts.begin_conversation(draft.cid, chains, create)

    def _resumed(self, draft: _Draft) -> Receipt:
        stop = self._contacts.freeze_of(draft.uid) or self._reset_since(draft) or self._unaccepted(draft)
        if stop is not None:
            self._discard(draft)
            raise stop
        return self._deliver(draft)

    def _reset_since(self, draft: _Draft) -> Unsafe | None:
        """That a member's root is known to be another one than the draft was sealed for."""
        before = draft.pinned_heads()
        pinned = (self._contacts.pinned(uid) for uid in before)
        after = {contact.uid: contact.chain.head for contact in pinned if contact is not None}
        try:
            recipients.check_unchanged(before, after)
        except ProtocolError as error:
            return unsafe(error, draft.address)
        return None

    def _unaccepted(self, draft: _Draft) -> Unsafe | None:
        """That the draft's receiver had been verified before the reset for which it is sealed, as another device tells."""
        contact = self._contacts.pinned(draft.uid)
        is_unaccepted = contact is not None and contact.is_unaccepted()
        return refusals.unaccepted(draft.address) if is_unaccepted else None

    def _deliver(self, draft: _Draft) -> Receipt:
        try:
            try:
                sent_at = self._post(draft)
            except ServiceProblem as problem:
                if problem.code != "device-mismatch":
                    raise
                draft = self._resealed(draft)
                sent_at = self._post(draft)
        except (ServiceUnavailable, NotSignedIn) as error:
            raise _kept(error) from None
        except SealpostError as error:
            if error.code in _TRANSIENT:
                raise _kept(error) from None
            self._discard(draft)
            raise
        return self._sent(draft, sent_at)

    def _resealed(self, draft: _Draft) -> _Draft:
        """After a mismatch: the same message and id for the keys of now, unless a member was reset meanwhile.

        For those that are shown: a key that is pinned and shown no longer is one that the service does not take.
        """
        pair = self._peer(self._contacts.find(uids=[draft.uid, self._own]), draft.address)
        after = {found.contact.uid: found.member.chain.head for found in pair}
        try:
            recipients.check_unchanged(draft.pinned_heads(), after)
        except ProtocolError as error:
            raise unsafe(error, draft.address) from None
        peer, own = (replace(found, member=found.shown) for found in pair)
        return self._sealed(draft, (peer, own))

    def _post(self, draft: _Draft) -> int:
        """Microseconds since 1970 at which the service stored the message."""
        answer = self._posting.post(cid=draft.cid, mid=draft.mid, envelope=draft.envelope)
        try:
            sent_at = datetime.fromisoformat(answer["sent_at"]).astimezone(UTC)
            return (sent_at - _EPOCH) // timedelta(microseconds=1)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ServiceUnavailable("The service's answer has no time.", code="bad-answer") from None

    def _sent(self, draft: _Draft, sent_at: int) -> Receipt:
        content = {
            "kind": "sent",
            "uid": draft.uid,
            "address": draft.address,
            "text": draft.text,
            "inner": draft.inner_hash,
        }
        with self._state.transaction():
            self._state.put_message(StoredMessage(draft.cid, draft.mid, sent_at, new=False, content=content))
            self._state.delete(Kind.OUTBOX, draft.mid)
        contact = self._contacts.pinned(draft.uid)
        return Receipt(
            message_id=draft.mid,
            conversation_id=draft.cid,
            to=draft.address,
            sent_at=_EPOCH + timedelta(microseconds=sent_at),
            verified=contact is not None and contact.is_verified(),
            first=draft.first,
            renewed=self._contacts.warned(draft.uid),
        )

    def _discard(self, draft: _Draft) -> None:
        """A refused message leaves no gap in the numbers."""
        with self._state.transaction():
            self._state.delete(Kind.OUTBOX, draft.mid)
            numbers = counter(self._state, draft.cid)
            if numbers["sent"] == draft.n:
                self._state.put(Kind.COUNTER, numbers | {"sent": draft.n - 1}, draft.cid)


def _to_oneself() -> UsageError:
    return UsageError("That is your own address.", cure="A message needs somebody else to go to.")


def _kept(error: SealpostError) -> SealpostError:
    error.cure = f"{error.cure} {_KEPT}".strip()
    return error
