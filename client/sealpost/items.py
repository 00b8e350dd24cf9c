"""What a program is handed of what came: messages, refusals, and changes of people's keys."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sealpost.changes import Change
from sealpost.contacts import Contacts
from sealpost.protocol import bounds
from sealpost.protocol.errors import NOTICES, SENTENCES, Code, Notice
from sealpost.state import State, StoredMessage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MILLISECOND = 253_402_214_400_000
"""The last day of the year 9999: what a signer writes beyond it, no calendar shows."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that passed every check, or one's own (`outgoing`), from this device or another.

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


Item = Message | Refused | Change


class Items:
    """The items of one profile."""

    def __init__(self, *, state: State, contacts: Contacts) -> None:
        self._state = state
        self._contacts = contacts

    def of(self, stored: StoredMessage) -> Message | Refused | None:
        """What is shown of a stored message; None for a place that holds nothing to show."""
        match stored.content["kind"]:
            case "sent" | "received":
                return self._message(stored)
            case "refused":
                return self._refused(stored)
        return None

    def changes(self, *, new: bool) -> list[Change]:
        """By the signed time."""
        return sorted(self._contacts.changes.all(new=new), key=when)

    def fresh_changes(self) -> Iterator[Change]:
        """Those that were found since all new ones, or the fresh ones, were asked for."""
        yield from self._contacts.changes.fresh()

    def mark_shown(self, item: Item) -> None:
        """`item` is not handed out again."""
        if isinstance(item, Change):
            self._contacts.changes.mark_shown(item)
        else:
            self._state.mark_shown(item.conversation_id, item.id)

    def _message(self, stored: StoredMessage) -> Message:
        content = stored.content
        uid, claimed, signed = content["uid"], content["address"], content.get("signed")
        outgoing = content["kind"] == "sent"
        confirmed = self._contacts.uid_of(claimed) == uid
        contact = self._contacts.pinned(uid)
        return Message(
            id=stored.mid,
            conversation_id=stored.cid,
            peer=uid,
            address=claimed if confirmed else self._contacts.address_of(uid) if outgoing else None,
            text=content["text"],
            sent_at=_sent_at(stored),
            outgoing=outgoing,
            verified=contact is not None and contact.is_verified(),
            notices=tuple(NOTICES[Notice(notice)] for notice in content.get("notices", ())),
            signed_at=None if signed is None else _differing(signed, stored.sent_at),
        )

    def _refused(self, stored: StoredMessage) -> Refused:
        uid, code = stored.content["uid"], stored.content["code"]
        return Refused(
            id=stored.mid,
            conversation_id=stored.cid,
            peer=uid,
            address=self._contacts.address_of(uid),
            sent_at=_sent_at(stored),
            code=code,
            reason=SENTENCES[Code(code)],
        )


def when(item: Item) -> datetime:
    """Where an item stands among others."""
    return item.at if isinstance(item, Change) else item.sent_at


def _sent_at(stored: StoredMessage) -> datetime:
    return _EPOCH + timedelta(microseconds=stored.sent_at)


def _differing(signed: int, sent_at: int) -> datetime | None:
    """The signed time (milliseconds), if it is more than ten minutes from the service's (microseconds)."""
    if abs(signed - sent_at // 1000) <= bounds.CLOCK_NOTICE:
        return None
    return _EPOCH + timedelta(milliseconds=min(signed, _LAST_MILLISECOND))
