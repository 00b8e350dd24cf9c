"""Other people's (and one's own) devices: looked up, verified, pinned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from sealpost.errors import SealpostError, ServiceUnavailable, Unsafe
from sealpost.protocol import chain as chains
from sealpost.protocol import conversation as conversations
from sealpost.protocol import encoding, encryption_keys
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.conversation import Conversation
from sealpost.protocol.encryption_keys import EncryptionKey
from sealpost.protocol.errors import Code, ForkError, ProtocolError
from sealpost.protocol.recipients import Member
from sealpost.service import Json
from sealpost.state import Kind, State

_OWN = "your own account"
_ASK = "Ask the person by other means. This version cannot accept new keys yet."
_TELL = "Somebody else may act in your name. Tell the people you write to, and the service's operator."
_LONGEST_EVIDENCE = 8192

Call = Callable[[str, Json], Json]


@dataclass(frozen=True, slots=True)
class Contact:
    """What is pinned of one account.

    `keys` are the newest encryption key statements by device id; `verified` is the (root, seq, hash) that the person
    vouched for by comparing the safety number; `frozen` is the code of a contradiction, with ours and theirs as evidence.
    """

    uid: str
    statements: tuple[str, ...]
    keys: dict[str, str] = field(default_factory=dict)
    verified: tuple[str, int, str] | None = None
    frozen: tuple[str, str, str] | None = None

    @property
    def chain(self) -> Chain:
        return chains.verify(self.uid, self.statements)

    def is_verified(self) -> bool:
        return self.verified is not None and self.verified[0] == self.chain.head.root

    @classmethod
    def load(cls, stored: Json) -> Self:
        return cls(
            uid=stored["uid"],
            statements=tuple(stored["statements"]),
            keys=stored["keys"],
            verified=_triple(stored["verified"]),
            frozen=_triple(stored["frozen"]),
        )

    def save(self, state: State) -> None:
        state.put(Kind.CONTACT, asdict(self), self.uid)


@dataclass(frozen=True, slots=True)
class Found:
    """A contact as just looked up. `first` says that what it was asked for by, address or uid, was not pinned before."""

    contact: Contact
    member: Member
    first: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the service shows of one account, read but not verified."""

    head: Head
    statements: list[str]
    keys: list[str]

    @classmethod
    def read(cls, answer: Json) -> Self:
        try:
            head = Head.parse(answer.get("head"))
        except ProtocolError:
            raise _bad_answer() from None
        return cls(head, _texts(answer.get("statements")), _texts(answer.get("encryption_keys")))


class Contacts:
    """`own` is one's own uid; `now` gives Unix seconds, the later of our clock and the server's.

    Several processes use one profile: what an answer changes is written in one transaction that reads the pin again, and
    the answer is judged by what was pinned when it was asked for.
    """

    def __init__(self, *, state: State, call: Call, own: str, now: Callable[[], float]) -> None:
        self._state = state
        self._call = call
        self._own = own
        self._now = now

    def pinned(self, uid: str) -> Contact | None:
        stored = self._state.get(Kind.CONTACT, uid)
        return None if stored is None else Contact.load(stored)

    def vouch(self, uid: str) -> None:
        """The person has compared the safety number and found it equal."""
        with self._state.transaction():
            contact = self.pinned(uid)
            if contact is not None:
                head = contact.chain.head
                replace(contact, verified=(head.root, head.seq, head.hash)).save(self._state)

    def alarm(self) -> Unsafe | None:
        """What froze one's own account, if anything did."""
        return self.freeze_of(self._own)

    def freeze_of(self, uid: str) -> Unsafe | None:
        """Why nothing is sent to an account, as far as is known without asking."""
        contact = self.pinned(uid)
        return (
            None if contact is None or contact.frozen is None else _frozen(self._who(uid), contact.frozen[0])
        )

    def check_own(self, stated: object) -> None:
        """Compares the head that the service states of one's own chain with the pinned one.

        Raises Unsafe where they differ: this device is the only one that makes statements.
        """
        own = self.pinned(self._own)
        if own is None or own.frozen is not None:
            return
        try:
            head = None if stated is None else Head.parse(stated)
        except ProtocolError:
            raise _bad_answer() from None
        if head == own.chain.head:
            return
        self.find(uids=[self._own])  # freezes and raises if the chain is another one
        code = Code.CHAIN_ROLLBACK if head is None or head.seq < own.chain.head.seq else Code.CHAIN_FORK
        raise unsafe(ProtocolError(code, "two answers of the service contradict each other"), _OWN)

    def address_of(self, uid: str) -> str | None:
        """The confirmed address of an account: the one that the service says leads to this uid."""
        known = [entry for entry in self._addresses() if entry["uid"] == uid]
        return str(max(known, key=lambda entry: entry["at"])["address"]) if known else None

    def uid_of(self, address: str) -> str | None:
        """The account pinned to an address."""
        return next((entry["uid"] for entry in self._addresses() if entry["address"] == address), None)

    def find(self, *, addresses: Sequence[str] = (), uids: Sequence[str] = ()) -> list[Found | None]:
        """Looks accounts up in one call, verifies and pins them; addresses first, None where there is none.

        Raises Unsafe (key-change, chain-fork, chain-rollback ...) when an answer contradicts what is pinned.
        """
        asked: list[tuple[str | None, str | None]] = [(address, None) for address in addresses]
        asked += [(None, uid) for uid in uids]
        before = [self._pinned(uid or self.uid_of(address or "")) for address, uid in asked]
        answers = self._find_keys(
            [
                {"address": address, "uid": uid, "known_seq": _known_seq(contact)}
                for (address, uid), contact in zip(asked, before, strict=True)
            ]
        )
        return [
            None if answer is None else self._take(answer, address=address, uid=uid, before=contact)
            for (address, uid), contact, answer in zip(asked, before, answers, strict=True)
        ]

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
            self._pin_address(address, uid)
            return self.uid_of(address) == uid

    def pinned_conversation(self, cid: str, pair: Mapping[str, Chain]) -> Conversation | None:
        """The pinned conversation; `pair` are the two members' chains."""
        stored = self._state.get(Kind.CONVERSATION, cid)
        return None if stored is None else conversations.verify(cid, stored["statements"], chains=pair)

    def find_conversation(self, cid: str, pair: Mapping[str, Chain]) -> Conversation | None:
        """The service's conversation, verified and pinned; None when it shows none."""
        (answer,) = self._answers(
            {"accounts": [], "conversations": [{"id": cid, "known_seq": -1}]}, "conversations"
        )
        return None if answer is None else self.pin_conversation(cid, answer.get("statements"), pair)

    def pin_conversation(self, cid: str, statements: object, pair: Mapping[str, Chain]) -> Conversation:
        """Verifies and pins what the service shows; what contradicts the pin is `chain-fork`, and the pin stays."""
        shown = _texts(statements)
        with self._state.transaction():
            stored = self._state.get(Kind.CONVERSATION, cid)
            pinned = None if stored is None else (0, encoding.digest(stored["statements"][0]))
            conversation = conversations.verify(cid, shown, chains=pair, pinned=pinned)
            self._state.put(Kind.CONVERSATION, {"statements": conversation.statements}, cid)
        return conversation

    def _pinned(self, uid: str | None) -> Contact | None:
        return self.pinned(uid) if uid else None

    def _find_keys(self, accounts: list[Json]) -> list[Json | None]:
        return self._answers({"accounts": accounts, "conversations": []}, "accounts")

    def _answers(self, asked: Json, kind: str) -> list[Json | None]:
        answers = self._call("find_keys", asked).get(kind)
        if (
            not isinstance(answers, list)
            or len(answers) != len(asked[kind])
            or not all(answer is None or isinstance(answer, dict) for answer in answers)
        ):
            raise _bad_answer()
        return answers

    def _take(self, answer: Json, *, address: str | None, uid: str | None, before: Contact | None) -> Found:
        """Pins what one answer shows. A freeze is written before it is raised: no error rolls it back."""
        shown = _Shown.read(answer)
        expected = uid or self.uid_of(address or "")
        if expected is not None and shown.head.uid != expected:
            raise _key_change(address or expected, "now leads to another account")
        with self._state.transaction():
            outcome = self._pin(shown, before=before, address=address)
        if isinstance(outcome, SealpostError):
            raise outcome
        return outcome

    def _pin(self, shown: _Shown, *, before: Contact | None, address: str | None) -> Found | Unsafe:
        uid = shown.head.uid
        pinned = self.pinned(uid)
        who = self._who(uid, address)
        if pinned is None:
            return self._pin_first(shown, address=address, who=who)
        if pinned.frozen is not None and pinned.frozen[0] != Code.UPDATE_NEEDED:
            return _frozen(who, pinned.frozen[0])
        chain, refusal = _extended(pinned, shown, before=before or pinned)
        if refusal is not None:
            error, theirs = refusal
            if error.code is not Code.CHAIN_HIDDEN:
                ours = error.ours if isinstance(error, ForkError) else pinned.statements[-1]
                frozen = (error.code.value, ours, theirs[:_LONGEST_EVIDENCE])
                replace(pinned, frozen=frozen).save(self._state)
            return _key_change(who, "has new keys") if error.code is Code.KEY_CHANGE else unsafe(error, who)
        if pinned.frozen is not None and pinned.frozen[2] not in chain.statements:
            return _frozen(who, pinned.frozen[0])
        contact = replace(pinned, statements=chain.statements, frozen=None)
        return self._pin_keys(contact, chain, shown.keys, before=before or pinned, address=address, who=who)

    def _pin_first(self, shown: _Shown, *, address: str | None, who: str) -> Found | Unsafe:
        try:
            chain = chains.verify(shown.head.uid, shown.statements)
            chain.check_head(shown.head)
        except ProtocolError as error:
            return unsafe(error, who)
        contact = Contact(uid=chain.uid, statements=chain.statements)
        return self._pin_keys(contact, chain, shown.keys, before=contact, address=address, who=who)

    def _pin_keys(
        self,
        contact: Contact,
        chain: Chain,
        statements: list[str],
        *,
        before: Contact,
        address: str | None,
        who: str,
    ) -> Found | Unsafe:
        """Contradicting encryption keys are refused, and freeze nobody: the pinned ones stay."""
        pinned = self.pinned(contact.uid)
        try:
            keys = self._newest(contact, chain, statements, before=before)
        except ProtocolError as error:
            if pinned is not None:
                contact.save(self._state)
            return unsafe(error, who)
        contact = replace(contact, keys={device: key.statement for device, key in keys.items()})
        if contact != pinned:
            contact.save(self._state)
        first = pinned is None
        if address is not None:
            first = self.uid_of(address) is None
            self._pin_address(address, contact.uid)
        return Found(contact, Member(chain, keys), first=first)

    def _newest(
        self, contact: Contact, chain: Chain, statements: list[str], *, before: Contact
    ) -> dict[str, EncryptionKey]:
        """The newest key of each active device; one that the service no longer shows stays pinned and counts.

        An answer that another process's look-up overtook is no rollback: it may be as old as `before`.
        """
        now = int(self._now())
        active = {device.id for device in chain.active_devices}
        newest = {
            device: encryption_keys.verify(statement, chain=chain, now=now)
            for device, statement in contact.keys.items()
            if device in active
        }
        for statement in statements:
            key = encryption_keys.verify(statement, chain=chain, now=now)
            pinned = newest.get(key.device)
            known = before.keys.get(key.device)
            if pinned is not None and known is not None and known != pinned.statement:
                overtaken = encryption_keys.verify(known, chain=chain, now=now)
                encryption_keys.verify(statement, chain=chain, now=now, pinned=overtaken)
                if key.n < pinned.n:
                    continue
            newest[key.device] = encryption_keys.verify(statement, chain=chain, now=now, pinned=pinned)
        return newest

    def _who(self, uid: str, address: str | None = None) -> str:
        return _OWN if uid == self._own else address or self.address_of(uid) or uid

    def _addresses(self) -> list[Json]:
        return self._state.all(Kind.ADDRESS)

    def _pin_address(self, address: str, uid: str) -> None:
        for entry in self._addresses():
            if entry["address"] == address:
                return
        identity = f"{uid}/{sum(entry['uid'] == uid for entry in self._addresses())}"
        self._state.put(Kind.ADDRESS, {"address": address, "uid": uid, "at": self._now()}, identity)


def _extended(
    pinned: Contact, shown: _Shown, *, before: Contact
) -> tuple[Chain, tuple[ProtocolError, str] | None]:
    """The pinned chain with what is shown, or why not, with what the service showed as evidence."""
    chain, head, evidence = pinned.chain, shown.head, encoding.compact_json(shown.head.to_json())
    try:
        if head.root != chain.head.root:
            raise ProtocolError(Code.KEY_CHANGE, "another root is stated")
        for statement in shown.statements:
            evidence = statement
            chain = chains.extend(chain, [statement])
        evidence = encoding.compact_json(head.to_json())
        if _known_seq(before) <= head.seq < chain.head.seq:  # another process's look-up overtook this one
            chain.check_reference(head.seq, head.hash)
        else:
            chain.check_head(head)
    except ProtocolError as error:
        return chain, (error, evidence)
    return chain, None


def unsafe(error: ProtocolError, who: str) -> Unsafe:
    """A refused look-up in a person's words."""
    cure = "If it happens again, tell the person by other means, and the service's operator."
    return Unsafe(f"{who}: {error.sentence}", code=error.code.value, cure=_cure(who, cure))


def _key_change(who: str, what: str) -> Unsafe:
    return Unsafe(
        f"{who} {what}: this is a person with a new device after a reset, or somebody in between.",
        code=Code.KEY_CHANGE.value,
        cure=_cure(who, _ASK),
    )


def _frozen(who: str, code: str) -> Unsafe:
    return Unsafe(
        f"{who} is frozen: the service showed keys earlier that cannot be believed ({code}).",
        code=code,
        cure=_cure(who, _ASK),
    )


def _cure(who: str, cure: str) -> str:
    return f"Nothing was sent. {_TELL if who == _OWN else cure}"


def _bad_answer() -> ServiceUnavailable:
    return ServiceUnavailable("The service's answer to a look-up cannot be read.", code="bad-answer")


def _known_seq(contact: Contact | None) -> int:
    return -1 if contact is None else len(contact.statements) - 1


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _bad_answer()
    return value


def _triple(stored: Any) -> Any:
    return None if stored is None else tuple(stored)
