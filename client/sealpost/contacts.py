"""Other people's (and one's own) devices: looked up, verified, pinned."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sealpost import refusals
from sealpost.address_book import AddressBook
from sealpost.changes import Changes
from sealpost.contact import Contact
from sealpost.errors import DeviceNotActive, SealpostError, ServiceProblem, Unsafe
from sealpost.expected import Expectations
from sealpost.giving_back import Call, give_back
from sealpost.pinning import Found, Pinning, Shown, texts
from sealpost.protocol import chain as chains
from sealpost.protocol import conversation as conversations
from sealpost.protocol import encoding
from sealpost.protocol.body import Pin
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.conversation import Conversation
from sealpost.protocol.errors import Code, HiddenError, ProtocolError
from sealpost.state import Json, Kind, State

__all__ = ["Contact", "Contacts", "Found"]

_PASSING = frozenset({"rate-limited", "request-timeout", "unauthenticated", "forbidden"})
"""Refusals that say nothing of what was asked for, or that others may give it back."""


class Contacts:
    """`own` is one's own uid, `device` this device's id; `now` gives Unix seconds, the later of our clock and the server's.

    Several processes use one profile: what an answer changes is written in one transaction that reads the pin again, and
    the answer is judged by what was pinned when it was asked for.
    """

    def __init__(self, *, state: State, call: Call, own: str, device: str, now: Callable[[], float]) -> None:
        self._state = state
        self._call = call
        self._own = own
        self._device = device
        self._now = now
        self.book = AddressBook(state=state, own=own, now=now)
        self.changes = Changes(state=state, own=own, device=device, now=now, book=self.book)
        self.expected = Expectations(state=state)
        self._pinning = Pinning(
            state=state,
            own=own,
            device=device,
            now=now,
            book=self.book,
            changes=self.changes,
            expected=self.expected,
        )

    def pinned(self, uid: str) -> Contact | None:
        return self._pinning.pinned(uid)

    def own(self) -> Contact | None:
        """One's own account as it is pinned; None while this device is not linked."""
        return self.pinned(self._own)

    def begin_own(self, statements: Iterable[str]) -> Contact:
        """Pins one's own chain, from statement 0: this device made it, or checked who showed it (a link's MAC).

        This device is active in it. Raises Unsafe where it is not, or where another chain is pinned.
        """
        shown = tuple(statements)
        try:
            chain = chains.verify(self._own, shown)
            added = chain.active(self._device).added
        except ProtocolError as error:
            raise refusals.unsafe(error, refusals.OWN) from None
        with self._state.transaction():
            if self.own() is None:
                contact = Contact(uid=self._own, statements=chain.statements)
                contact.save(self._state)
                joined = min(chain.times[added], int(self._now()))  # nobody holds a signer to a true time
                if added > 0 and self._state.get(Kind.CAUGHT_UP) is None:
                    self._state.put(Kind.CAUGHT_UP, {"sent_at": joined * 1_000_000})
                return contact
        return self.extend_own(shown)

    def extend_own(self, statements: Iterable[str]) -> Contact:
        """Pins what follows in one's own chain; statements that are pinned already may stand before it.

        Raises Unsafe where it contradicts the pin, which freezes the account, and DeviceNotActive without a pin.
        """
        with self._state.transaction():
            own = self.own()
            if own is None:
                raise refusals.not_linked()
            outcome = self._pinning.extend(own, list(statements))
            if isinstance(outcome, Contact):
                outcome.save(self._state)
        if isinstance(outcome, SealpostError):
            raise outcome
        return outcome

    def removed(self) -> DeviceNotActive | None:
        """That this device was removed from the account, as far as is known without asking."""
        own = self.own()
        if own is None or any(device.id == self._device for device in own.chain.active_devices):
            return None
        return refusals.removed()

    def vouch(self, uid: str, root: str) -> bool:
        """The person has compared the safety number of this root. False where another one is pinned by now."""
        with self._state.transaction():
            contact = self.pinned(uid)
            if contact is None or contact.chain.head.root != root:
                return False
            head = contact.chain.head
            replace(contact, verified=(head.root, head.seq, head.hash), renewed=False).save(self._state)
            self.expected.tell(uid)
        return True

    def accept(self, uid: str) -> bool:
        """The person takes the reset of somebody whom they had verified; False where there is none to take."""
        with self._state.transaction():
            contact = self.pinned(uid)
            if contact is None or not contact.is_unaccepted():
                return False
            replace(contact, verified=None, renewed=False).save(self._state)
            self.expected.tell(uid)
        return True

    def number_shown(self, uid: str, digits: str) -> None:
        """The person was shown this safety number."""
        with self._state.transaction():
            contact = self.pinned(uid)
            if contact is not None and contact.shown != digits:
                replace(contact, shown=digits).save(self._state)

    def warned(self, uid: str) -> bool:
        """Whether a receipt is to warn of a reset of somebody who was never verified: once."""
        with self._state.transaction():
            contact = self.pinned(uid)
            if contact is None or not contact.renewed:
                return False
            replace(contact, renewed=False).save(self._state)
        return True

    def take_pins(self, pins: Iterable[Pin]) -> None:
        """What another device of one's own, or a backup, knows of people.

        A pin that the pinned chain reaches is checked at once (a contradiction freezes the contact); others when
        their chain is looked up.
        """
        with self._state.transaction():
            for pin in pins:
                if pin.uid == self._own:
                    continue
                for address in pin.addresses:
                    self.book.pin(address, pin.uid)
                self.expected.expect(pin)
                contact = self.pinned(pin.uid)
                if contact is not None and contact.frozen is None:
                    self._pinning.meet_pinned(contact)

    def alarm(self) -> Unsafe | None:
        """What froze one's own account, if anything did."""
        return self.freeze_of(self._own)

    def freeze_of(self, uid: str) -> Unsafe | None:
        """Why nothing is sent to an account, as far as is known without asking."""
        contact = self.pinned(uid)
        return None if contact is None else refusals.frozen(contact, self.book.who(uid))

    def check_own(self, stated: object) -> None:
        """Compares the head that the service states of one's own chain with the pinned one; looks up what is new.

        Raises Unsafe where they contradict each other.
        """
        own = self.own()
        if own is None or own.frozen is not None:
            return
        try:
            head = None if stated is None else Head.parse(stated)
        except ProtocolError:
            raise refusals.bad_answer() from None
        if head == own.chain.head:
            return
        self.find(uids=[self._own])  # freezes and raises if the chain is another one
        own = self.own() or own
        try:
            if head is None:
                raise ProtocolError(Code.CHAIN_ROLLBACK, "no head is stated")
            own.chain.check_reference(head.seq, head.hash)  # an older one: another process was faster
        except ProtocolError as error:
            raise refusals.unsafe(_contradiction(error), refusals.OWN) from None

    def address_of(self, uid: str) -> str | None:
        """The confirmed address of an account: the one that the service says leads to this uid."""
        return self.book.address_of(uid)

    def uid_of(self, address: str) -> str | None:
        """The account pinned to an address."""
        return self.book.uid_of(address)

    def find(self, *, addresses: Sequence[str] = (), uids: Sequence[str] = ()) -> list[Found | None]:
        """Looks accounts up in one call, verifies and pins them; addresses first, None where there is none.

        Raises Unsafe (key-change, chain-fork, chain-rollback ...) when an answer contradicts what is pinned.
        """
        asked: list[tuple[str | None, str | None]] = [(address, None) for address in addresses]
        asked += [(None, uid) for uid in uids]
        before = [self._pinned(uid or self.uid_of(address or "")) for address, uid in asked]
        queries = [
            {"address": address, "uid": uid, "known_seq": _known_seq(contact)}
            for (address, uid), contact in zip(asked, before, strict=True)
        ]
        answers = self._find_keys(queries)
        if self._give_back(before, answers):
            answers = self._find_keys(queries)
        return [
            None if answer is None else self._take(answer, address=address, uid=uid, before=contact)
            for (address, uid), contact, answer in zip(asked, before, answers, strict=True)
        ]

    def _give_back(self, before: Sequence[Contact | None], answers: Sequence[Json | None]) -> bool:
        """Gives the service what it shows no longer of chains that are pinned; whether there was any.

        It may refuse: what it then still does not show is judged as ever.
        """
        given = False
        for contact, answer in zip(before, answers, strict=True):
            if contact is None or answer is None or contact.frozen is not None:
                continue
            head, chain = Shown.read(answer).head, contact.chain
            if head.seq >= contact.known_seq or head != chain.head_at(head.seq):
                continue
            given = True
            try:
                give_back(self._call, contact.uid, contact.statements[head.seq + 1 :])
            except ServiceProblem as problem:
                if problem.code in _PASSING:
                    raise
        return given

    def confirm(self, address: str, uid: str) -> bool:
        """Whether the service says that `address` is the account `uid`; a yes is remembered."""
        if self.uid_of(address) == uid:
            return True
        (answer,) = self._find_keys(
            [{"address": address, "uid": None, "known_seq": _known_seq(self.pinned(uid))}]
        )
        if answer is None or answer.get("uid") != uid:
            return False
        with self._state.transaction():
            self.book.pin(address, uid)
            return self.uid_of(address) == uid

    def pinned_conversation(self, cid: str, pair: Mapping[str, Chain]) -> Conversation | None:
        """The pinned conversation; `pair` are the two members' chains."""
        stored = self._state.get(Kind.CONVERSATION, cid)
        return None if stored is None else conversations.verify(cid, stored["statements"], chains=pair)

    def begin_conversation(
        self, cid: str, chains: Mapping[str, Chain], create: Callable[[], str]
    ) -> Conversation:
        """The pinned conversation; where none is pinned, the one that the service has once it was given `create`'s statement.

        `chains` are the members'.
        """
        known = self.pinned_conversation(cid, chains)
        if known is not None:
            return known
        answer = self._call("create_conversation", {"statement": create()})
        return self.pin_conversation(cid, answer.get("statements"), chains)

    def give_conversation_back(self, cid: str) -> bool:
        """Gives the service the pinned statement of a conversation that it has lost; whether it took it.

        Raises Unsafe where it has another one in its place.
        """
        stored = self._state.get(Kind.CONVERSATION, cid)
        if stored is None:
            return False
        try:
            answer = self._call("create_conversation", {"statement": stored["statements"][0]})
        except ServiceProblem as problem:
            if problem.code in _PASSING:
                raise
            return False
        if texts(answer.get("statements")) != list(stored["statements"]):
            error = ProtocolError(
                Code.CHAIN_FORK, "another conversation stands in the place of the pinned one"
            )
            raise refusals.unsafe(error, "this conversation")
        return True

    def find_conversation(self, cid: str, pair: Mapping[str, Chain]) -> Conversation | None:
        """The service's conversation, verified and pinned; None when it shows none."""
        (answer,) = self._answers(
            {"accounts": [], "conversations": [{"id": cid, "known_seq": -1}]}, "conversations"
        )
        return None if answer is None else self.pin_conversation(cid, answer.get("statements"), pair)

    def pin_conversation(self, cid: str, statements: object, pair: Mapping[str, Chain]) -> Conversation:
        """Verifies and pins what the service shows; what contradicts the pin is `chain-fork`, and the pin stays."""
        shown = texts(statements)
        with self._state.transaction():
            stored = self._state.get(Kind.CONVERSATION, cid)
            pinned = None if stored is None else (0, encoding.digest(stored["statements"][0]))
            conversation = conversations.verify(cid, shown, chains=pair, pinned=pinned)
            self._state.put(Kind.CONVERSATION, {"statements": conversation.statements}, cid)
        return conversation

    def _pinned(self, uid: str | None) -> Contact | None:
        return self.pinned(uid) if uid else None

    def _find_keys(self, accounts: list[Json]) -> list[Json | None]:
        try:
            return self._answers({"accounts": accounts, "conversations": []}, "accounts")
        except ServiceProblem as problem:
            raise refusals.too_many_look_ups(problem) from None

    def _answers(self, asked: Json, kind: str) -> list[Json | None]:
        answers = self._call("find_keys", asked).get(kind)
        if (
            not isinstance(answers, list)
            or len(answers) != len(asked[kind])
            or not all(answer is None or isinstance(answer, dict) for answer in answers)
        ):
            raise refusals.bad_answer()
        return answers

    def _take(self, answer: Json, *, address: str | None, uid: str | None, before: Contact | None) -> Found:
        """Pins what one answer shows. A freeze is written before it is raised: no error rolls it back."""
        shown = Shown.read(answer)
        expected = uid or self.uid_of(address or "")
        if expected is not None and shown.head.uid != expected:
            raise refusals.key_change(address or expected, "now leads to another account")
        with self._state.transaction():
            outcome = self._pinning.take(shown, before=before, address=address)
        if isinstance(outcome, SealpostError):
            raise outcome
        return outcome


def _contradiction(error: ProtocolError) -> ProtocolError:
    """A head that was stated a moment ago and is not shown now is two answers that contradict each other."""
    return ProtocolError(Code.CHAIN_FORK, error.detail) if isinstance(error, HiddenError) else error


def _known_seq(contact: Contact | None) -> int:
    return -1 if contact is None else contact.known_seq
