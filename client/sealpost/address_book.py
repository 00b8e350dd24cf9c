"""Which account an address led to when it was first looked up."""

from collections.abc import Callable

from sealpost.refusals import OWN
from sealpost.state import Json, Kind, State


class AddressBook:
    """The pinned addresses of a profile. `own` is one's own uid; `now` gives Unix seconds."""

    def __init__(self, *, state: State, own: str, now: Callable[[], float]) -> None:
        self._state = state
        self._own = own
        self._now = now

    def address_of(self, uid: str) -> str | None:
        """The confirmed address of an account: the newest that the service said leads to this uid."""
        known = [entry for entry in self._entries() if entry["uid"] == uid]
        return str(max(known, key=lambda entry: entry["at"])["address"]) if known else None

    def addresses_of(self, uid: str) -> list[str]:
        """All of them, the newest first."""
        known = [entry for entry in self._entries() if entry["uid"] == uid]
        return [entry["address"] for entry in sorted(known, key=lambda entry: -entry["at"])]

    def uid_of(self, address: str) -> str | None:
        """The account pinned to an address."""
        return next((entry["uid"] for entry in self._entries() if entry["address"] == address), None)

    def who(self, uid: str, address: str | None = None) -> str:
        """An account in a sentence."""
        return OWN if uid == self._own else address or self.address_of(uid) or uid

    def pin(self, address: str, uid: str) -> None:
        """Pins an address that is not pinned yet. In the caller's transaction."""
        entries = self._entries()
        if any(entry["address"] == address for entry in entries):
            return
        identity = f"{uid}/{sum(entry['uid'] == uid for entry in entries)}"
        self._state.put(Kind.ADDRESS, {"address": address, "uid": uid, "at": self._now()}, identity)

    def _entries(self) -> list[Json]:
        return self._state.all(Kind.ADDRESS)
