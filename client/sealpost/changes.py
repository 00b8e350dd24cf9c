"""What people's key chains gained since they were pinned, kept to be shown once."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sealpost.address_book import AddressBook
from sealpost.contact import Contact
from sealpost.protocol import chain as chains
from sealpost.state import Json, Kind, State


class Act(StrEnum):
    DEVICE_ADDED = "device-added"
    DEVICE_REMOVED = "device-removed"
    RESET = "reset"
    HISTORY_ON = "history-on"
    HISTORY_OFF = "history-off"


@dataclass(frozen=True, slots=True)
class Change:
    """A statement in somebody's key chain, verified; in one's own (`own`) one that another device made.

    `peer` is the account's uid, `address` its confirmed address. `device` is the id of the device that came or went,
    `by` that of the one that signed, `at` the time it signed. `text` says all of it to a person.
    """

    id: str
    peer: str
    address: str | None
    act: Act
    device: str | None
    by: str
    at: datetime
    own: bool
    text: str


class Changes:
    """The changes of one profile. `own` is one's own uid, `device` this device's id; `now` gives Unix seconds."""

    def __init__(
        self, *, state: State, own: str, device: str, now: Callable[[], float], book: AddressBook
    ) -> None:
        self._state = state
        self._own = own
        self._device = device
        self._now = now
        self._book = book
        self._fresh: list[str] = []

    def record(self, before: Contact, chain: chains.Chain) -> None:
        """Keeps what `chain` has beyond the pinned contact. In the caller's transaction.

        What this device itself did is no news, nor is another backup of the same history key.
        """
        history = before.chain.history
        kid = None if history is None else history.key.kid
        for change in chain.changes(before.known_seq):
            is_news = change.signer != self._device or chain.uid != self._own
            match change.act:
                case "set-history-key":
                    is_news = is_news and change.history != kid
                    kid = change.history
                case "revoke-device" | "reset":
                    kid = None
            if is_news:
                self._keep(change, chain.uid, verified=before.verified is not None)

    def record_first(self, chain: chains.Chain) -> None:
        """Of an account just pinned only that it keeps a history: that concerns everybody who writes to it."""
        if chain.history is not None:
            (change,) = (change for change in chain.log if change.seq == chain.history.seq)
            self._keep(change, chain.uid, verified=False)

    def all(self, *, new: bool) -> Iterator[Change]:
        """Every change, or those not shown yet, by account and place in its chain. None of them is fresh any more."""
        self._fresh.clear()
        for stored in self._state.all(Kind.CHANGE):
            if stored["new"] or not new:
                yield self._item(stored)

    def fresh(self) -> Iterator[Change]:
        """What was recorded in this process since the last time it was asked for."""
        while self._fresh:
            stored = self._state.get(Kind.CHANGE, self._fresh.pop(0))
            if stored is not None and stored["new"]:
                yield self._item(stored)

    def mark_shown(self, change: Change) -> None:
        with self._state.transaction():
            stored = self._state.get(Kind.CHANGE, change.id)
            if stored is not None:
                self._state.put(Kind.CHANGE, stored | {"new": False}, change.id)

    def _keep(self, change: chains.Change, uid: str, *, verified: bool) -> None:
        identity = f"{uid}/{change.seq:06}"
        if self._state.get(Kind.CHANGE, identity) is not None:
            return
        stored = {
            "id": identity,
            "uid": uid,
            "act": _act(change).value,
            "device": change.device,
            "by": change.signer,
            "at": min(change.iat, int(self._now())),
            "verified": verified,
            "new": True,
        }
        self._state.put(Kind.CHANGE, stored, identity)
        self._fresh.append(identity)

    def _item(self, stored: Json) -> Change:
        own = stored["uid"] == self._own
        address = self._book.address_of(stored["uid"])
        return Change(
            id=stored["id"],
            peer=stored["uid"],
            address=address,
            act=Act(stored["act"]),
            device=stored["device"],
            by=stored["by"],
            at=datetime.fromtimestamp(stored["at"], UTC),
            own=own,
            text=_own_text(stored, self._device) if own else _text(stored, address),
        )


def _act(change: chains.Change) -> Act:
    match change.act:
        case "add-device":
            return Act.DEVICE_ADDED
        case "revoke-device":
            return Act.DEVICE_REMOVED
        case "reset":
            return Act.RESET
    return Act.HISTORY_OFF if change.history is None else Act.HISTORY_ON


def _text(stored: Json, address: str | None) -> str:
    who = address or stored["uid"]
    quoted = shlex.quote(who)
    match Act(stored["act"]):
        case Act.DEVICE_ADDED:
            return f"{who} added a device."
        case Act.DEVICE_REMOVED:
            return f"{who} removed a device."
        case Act.HISTORY_ON:
            return f"{who} keeps a history: messages to them can be read later with their recovery code."
        case Act.HISTORY_OFF:
            return f"{who} keeps no history any more."
    began = f"{who} began anew with a new device and removed all others (a reset)."
    if not stored["verified"]:
        return f"{began} To be sure of the new keys: sealpost verify {quoted}"
    return (
        f"{began} You had compared the old keys, so nothing is sent until you compare the new ones "
        f"(sealpost verify {quoted}) or accept them (sealpost accept {quoted})."
    )


def _own_text(stored: Json, this: str) -> str:
    by = f"Your device {stored['by'][:8]}"
    otherwise = f"If that was not you: {_revoke(stored['by'])}"
    match Act(stored["act"]):
        case Act.DEVICE_ADDED:
            added = stored["device"][:8]
            return f"{by} added device {added}. If that was not you: {_revoke(stored['device'])}"
        case Act.DEVICE_REMOVED if stored["device"] == this:
            return f"{by} removed this device from the account."
        case Act.DEVICE_REMOVED:
            return f"{by} removed device {stored['device'][:8]}. {otherwise}"
        case Act.HISTORY_ON:
            return f"{by} turned history on: the recovery code opens what comes from now on. {otherwise}"
        case Act.HISTORY_OFF:
            return f"{by} turned history off. {otherwise}"
    return f"{by} reset the account."


def _revoke(device: str) -> str:
    """An id may begin with a hyphen, which a command takes for an option."""
    return f"sealpost revoke {'-- ' if device.startswith('-') else ''}{device[:8]}"
