"""Other people's (and one's own) devices: looked up, verified, pinned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from sealpost.errors import SealpostError, ServiceUnavailable, Unsafe
from sealpost.protocol import chain as chains
from sealpost.protocol import conversation as conversations
from sealpost.protocol import encryption_keys
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.conversation import Conversation
from sealpost.protocol.encryption_keys import EncryptionKey
from sealpost.protocol.errors import Code, ForkError, ProtocolError
from sealpost.protocol.recipients import Member
from sealpost.service import Json
from sealpost.state import State

_CONTACT = "contact"
_ADDRESS = "address"
_CONVERSATION = "conversation"

Call = Callable[[str, Json], Json]


@dataclass(frozen=True, slots=True)
class Contact:
    """What is pinned of one account.

    `keys` are the newest encryption key statements by device id; `verified` is the (root, seq, hash) that the person
    vouched for by comparing the safety number; `frozen` is the code of a contradiction, with both sides as evidence.
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


@dataclass(frozen=True, slots=True)
class Found:
    """A contact as just looked up. `first` says that it was not pinned before."""

    contact: Contact
    member: Member
    first: bool


class Contacts:
    """`now` gives Unix seconds, the later of our clock and the server's."""

    def __init__(self, *, state: State, call: Call, now: Callable[[], float]) -> None:
        self._state = state
        self._call = call
        self._now = now

    def pinned(self, uid: str) -> Contact | None:
        stored = self._state.get(_CONTACT, uid)
        return None if stored is None else Contact.load(stored)

    def save(self, contact: Contact) -> None:
        self._state.put(_CONTACT, asdict(contact), contact.uid)

    def vouch(self, uid: str) -> None:
        """The person has compared the safety number and found it equal."""
        contact = self.pinned(uid)
        if contact is not None:
            head = contact.chain.head
            self.save(replace(contact, verified=(head.root, head.seq, head.hash)))

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
        answers = self._find_keys(
            [
                {
                    "address": address,
                    "uid": uid,
                    "known_seq": self._known_seq(uid or self.uid_of(address or "")),
                }
                for address, uid in asked
            ]
        )
        found: list[Found | None] = []
        for (address, uid), answer in zip(asked, answers, strict=True):
            found.append(None if answer is None else self._take(answer, address=address, uid=uid))
        return found

    def confirm(self, address: str, uid: str) -> bool:
        """Whether the service says that `address` is the account `uid`; a yes is remembered."""
        if self.uid_of(address) == uid:
            return True
        (answer,) = self._find_keys([{"address": address, "uid": None, "known_seq": self._known_seq(uid)}])
        if answer is None or answer.get("uid") != uid or self.uid_of(address) is not None:
            return False
        self._pin_address(address, uid)
        return True

    def pinned_conversation(self, cid: str, pair: Mapping[str, Chain]) -> Conversation | None:
        """The pinned conversation; `pair` are the two members' chains."""
        stored = self._state.get(_CONVERSATION, cid)
        return None if stored is None else conversations.verify(cid, stored["statements"], chains=pair)

    def find_conversation(self, cid: str, pair: Mapping[str, Chain]) -> Conversation | None:
        """The service's conversation, verified and pinned; None when it shows none."""
        (answer,) = self._answers(
            {"accounts": [], "conversations": [{"id": cid, "known_seq": -1}]}, "conversations"
        )
        return None if answer is None else self.pin_conversation(cid, answer.get("statements"), pair)

    def pin_conversation(self, cid: str, statements: object, pair: Mapping[str, Chain]) -> Conversation:
        if not isinstance(statements, list) or not all(
            isinstance(statement, str) for statement in statements
        ):
            raise ServiceUnavailable("The service's answer to a look-up cannot be read.", code="bad-answer")
        conversation = conversations.verify(cid, statements, chains=pair)
        self._state.put(_CONVERSATION, {"statements": conversation.statements}, cid)
        return conversation

    def _known_seq(self, uid: str | None) -> int:
        contact = self.pinned(uid) if uid else None
        return -1 if contact is None else len(contact.statements) - 1

    def _find_keys(self, accounts: list[Json]) -> list[Json | None]:
        return self._answers({"accounts": accounts, "conversations": []}, "accounts")

    def _answers(self, asked: Json, kind: str) -> list[Json | None]:
        answers = self._call("find_keys", asked).get(kind)
        if not isinstance(answers, list) or len(answers) != len(asked[kind]):
            raise ServiceUnavailable("The service's answer to a look-up cannot be read.", code="bad-answer")
        return answers

    def _take(self, answer: Json, *, address: str | None, uid: str | None) -> Found:
        try:
            head, statements, keys = (
                Head.parse(answer["head"]),
                answer["statements"],
                answer["encryption_keys"],
            )
        except (KeyError, ProtocolError):
            raise ServiceUnavailable(
                "The service's answer to a look-up cannot be read.", code="bad-answer"
            ) from None
        expected = uid or self.uid_of(address or "")
        if expected is not None and head.uid != expected:
            raise _key_change(address or expected, "now leads to another account")
        pinned = self.pinned(head.uid)
        who = address or self.address_of(head.uid) or head.uid
        try:
            contact, chain = self._verified(pinned, head, statements, who)
            current = self._current(contact, chain, keys)
        except ForkError as fork:
            self._freeze(pinned, fork.code.value, fork.ours, fork.theirs)
            raise unsafe(fork, who) from None
        except ProtocolError as error:
            raise unsafe(error, who) from None
        contact = replace(contact, keys={key.device: key.statement for key in current})
        with self._state.transaction():
            if contact != pinned:
                self.save(contact)
            if address is not None:
                self._pin_address(address, contact.uid)
        return Found(contact, Member(chain, {key.device: key for key in current}), first=pinned is None)

    def _verified(
        self, pinned: Contact | None, head: Head, statements: list[str], who: str
    ) -> tuple[Contact, Chain]:
        if pinned is None:
            chain = chains.verify(head.uid, statements)
            chain.check_head(head)
            return Contact(uid=head.uid, statements=chain.statements), chain
        if pinned.frozen is not None:
            raise _frozen(who, pinned.frozen[0])
        chain = pinned.chain
        if head.root != chain.head.root:
            self._freeze(pinned, Code.KEY_CHANGE.value, chain.head.root, head.root)
            raise _key_change(who, "has new keys")
        chain = chains.extend(chain, statements)
        chain.check_head(head)
        return replace(pinned, statements=chain.statements), chain

    def _current(self, contact: Contact, chain: Chain, statements: list[str]) -> list[EncryptionKey]:
        """The newest key of each active device; one that the service no longer shows stays pinned and counts."""
        now = int(self._now())
        active = {device.id for device in chain.active_devices}
        newest = {
            device: encryption_keys.verify(statement, chain=chain, now=now)
            for device, statement in contact.keys.items()
            if device in active
        }
        for statement in statements:
            key = encryption_keys.verify(statement, chain=chain, now=now)
            if key.device in newest:
                key = encryption_keys.verify(statement, chain=chain, now=now, pinned=newest[key.device])
            newest[key.device] = key
        return list(newest.values())

    def _freeze(self, pinned: Contact | None, code: str, ours: str, theirs: str) -> None:
        if pinned is not None and pinned.frozen is None:
            self.save(replace(pinned, frozen=(code, ours, theirs)))

    def _addresses(self) -> list[Json]:
        return self._state.all(_ADDRESS)

    def _pin_address(self, address: str, uid: str) -> None:
        for entry in self._addresses():
            if entry["address"] == address:
                return
        identity = f"{uid}/{sum(entry['uid'] == uid for entry in self._addresses())}"
        self._state.put(_ADDRESS, {"address": address, "uid": uid, "at": self._now()}, identity)


def unsafe(error: ProtocolError, who: str) -> SealpostError:
    """A refused look-up in a person's words."""
    return Unsafe(
        f"{who}: {error.sentence}",
        code=error.code.value,
        cure="Nothing was sent. If it happens again, tell the person by other means, and the service's operator.",
    )


def _key_change(who: str, what: str) -> Unsafe:
    return Unsafe(
        f"{who} {what}: this is a person with a new device after a reset, or somebody in between.",
        code=Code.KEY_CHANGE.value,
        cure="Nothing was sent. Ask the person by other means. This version cannot accept new keys yet.",
    )


def _frozen(who: str, code: str) -> Unsafe:
    return Unsafe(
        f"{who} is frozen, because the service contradicted itself about their keys earlier ({code}).",
        code=code,
        cure="Nothing was sent. Ask the person by other means. This version cannot accept new keys yet.",
    )


def _triple(stored: Any) -> Any:
    return None if stored is None else tuple(stored)
