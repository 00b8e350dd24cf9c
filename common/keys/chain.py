"""What may follow in a chain (docs/protocol.md, "The key chain of an account"): decided under the account's lock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.errors import ChainConflict, DeviceNotActive, InvalidRequest, RateLimited
from common.identity import DeviceState, Head
from common.jose import require_now
from common.keys.model import (
    AddedDevice,
    EncryptionKey,
    FirstDevice,
    HistoryKey,
    Removal,
    Reset,
    Statement,
)
from common.restores import Restore, may_be_lost, require_timely

DEVICES = 10
"""Active ones of an account."""
HISTORY_CHANGES = 40
"""How often in a day an account may change its history key: nothing else bounds the length of a chain, which others read."""
DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """An account's chain as it stands."""

    head: Head | None
    issued_at: int
    """When its last statement was issued, in seconds; 0 before the first."""
    devices: Mapping[str, DeviceState]
    """All that have signed in to the account."""
    history_keys: frozenset[str]
    """All that were ever announced in it."""
    living: str | None
    """The history key of now."""
    announced: int
    """The number of the backup that was announced last; 0 if none was."""
    restores: tuple[Restore, ...] = ()
    """Of the database that the chain stands in."""

    def state(self, device: str) -> DeviceState | None:
        return self.devices.get(device)

    @property
    def active(self) -> tuple[str, ...]:
        return tuple(device for device, state in self.devices.items() if state == "active")

    def require_active(self, device: str) -> Head:
        """The chain's head.

        Raises:
            DeviceNotActive
        """
        if self.head is None or self.state(device) != "active":
            raise DeviceNotActive
        return self.head

    def require_pending(self, device: str) -> None:
        """Raises InvalidRequest: the device is active; DeviceNotActive: it was removed, or is not the account's."""
        state = self.state(device)
        if state == "active":
            raise InvalidRequest("This device is active already.")
        if state != "pending":
            raise DeviceNotActive("This device was removed from the account. Sign in with a new key.")

    def require_next(self, statement: Statement, now: float) -> None:
        """Let a statement follow, whose form and signature are right, and which its own device publishes.

        Raises:
            DeviceNotActive: its signer may not sign it.
            ChainConflict: it does not follow the head.
            InvalidRequest: it was not issued now (or is the device's own beginning, which a restore may have lost), or
                does what cannot be done to the chain as it stands.
        """
        if isinstance(statement, FirstDevice | Reset):
            require_timely(statement.issued_at, now, self.restores, "The statement")
        else:
            require_now(statement.issued_at, now, "The statement")
        self._require_following(statement)

    def require_resubmitted(self, statement: Statement) -> None:
        """Let a statement follow that a restore may have lost, whoever brings it.

        Raises:
            DeviceNotActive, ChainConflict: as require_next.
            InvalidRequest: no restore can have lost it, its own device alone may publish it, or as require_next.
        """
        if isinstance(statement, FirstDevice | Reset):
            raise InvalidRequest(
                "What begins a chain, or begins it anew, is published by its own device alone."
            )
        if not may_be_lost(statement.issued_at, self.restores):
            raise InvalidRequest("No restore has lost a statement of that time: check its iat.")
        self._require_following(statement)

    def _require_following(self, statement: Statement) -> None:
        self._require_signer(statement)
        self._require_place(statement)
        if statement.issued_at < self.issued_at:
            raise InvalidRequest("The statement's iat must not be earlier than that of the one before.")
        if isinstance(statement, Removal):
            self._require_removable(statement)
        elif isinstance(statement, AddedDevice):
            self._require_joinable(statement)
        elif isinstance(statement, Reset):
            self._require_new(statement.signer)
        elif isinstance(statement, HistoryKey):
            self._require_history_key(statement)

    def _require_removable(self, statement: Removal) -> None:
        if self.state(statement.device) != "active":
            raise InvalidRequest("The device to remove is not active in the account's key chain.")

    def _require_joinable(self, statement: AddedDevice) -> None:
        if self.head is None or statement.pop.root != self.head.root:
            raise InvalidRequest("The pop names another root than the chain's. Let the device ask again.")
        if self.state(statement.pop.device) != "pending":
            raise InvalidRequest(
                "The device to add has not signed in to the account, or was in its chain before."
            )
        self._require_new(statement.pop.device)
        if len(self.active) >= DEVICES:
            raise InvalidRequest(f"An account has at most {DEVICES} devices. Remove one first.")

    def _require_new(self, device: str) -> None:
        if device in self.history_keys:
            raise InvalidRequest("The device's key was a history key of the account. Make a new key.")

    def _require_history_key(self, statement: HistoryKey) -> None:
        if statement.kid is None or statement.backup is None:
            return
        if statement.kid == self.living:
            if statement.backup.n <= self.announced:
                raise InvalidRequest("The same history key is announced again with a newer backup alone.")
        elif statement.kid in self.history_keys or statement.kid in self.devices:
            raise InvalidRequest("This history key was published before. Make a new key pair.")
        elif statement.backup.n < self.announced:
            raise InvalidRequest("The backup is older than the last one that was announced.")

    def _require_signer(self, statement: Statement) -> None:
        if isinstance(statement, FirstDevice):
            if self.head is None:
                self.require_pending(statement.signer)
        elif isinstance(statement, Reset):
            self.require_pending(statement.signer)
        else:
            self.require_active(statement.signer)

    def _require_place(self, statement: Statement) -> None:
        if self.head is None:
            if not isinstance(statement, FirstDevice):
                raise InvalidRequest("The account has no key chain yet. Begin it with add-device at seq 0.")
        elif statement.position != (self.head.seq + 1, self.head.hash):
            raise ChainConflict(
                "The statement does not follow the head of the account's key chain.", head=self.head.json()
            )


def head_after(head: Head | None, statement: Statement) -> Head:
    root = statement.hash if head is None or isinstance(statement, Reset) else head.root
    return Head(uid=statement.uid, root=root, seq=statement.seq, hash=statement.hash)


def require_fresh(key: EncryptionKey, now: float, restores: Iterable[Restore] = ()) -> None:
    """Raises InvalidRequest: the encryption key has ended, or was issued neither now nor when a restore may have lost it."""
    require_timely(key.issued_at, now, restores, "The encryption key")
    if key.expires_at <= now:
        raise InvalidRequest("The encryption key has expired.")


def require_pace(changes: int) -> None:
    """Raises RateLimited: the account has changed its history key often enough in the last day."""
    if changes >= HISTORY_CHANGES:
        raise RateLimited("The history key was changed too often today.", retry_after=DAY)
