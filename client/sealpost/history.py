"""The account's history key: with it, and the recovery code, what comes stays readable when all devices are lost."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from sealpost.errors import Locked, SealpostError, ServiceProblem, ServiceUnavailable
from sealpost.key_backups import KeyBackups, merged, read_code
from sealpost.own_chain import OwnChain
from sealpost.protocol import acts, key_backup
from sealpost.protocol.body import Pin
from sealpost.protocol.chain import Chain
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.protocol.key_backup import Content
from sealpost.service import Service
from sealpost.state import Kind, State
from sealpost.sync import Sync


@dataclass(frozen=True, slots=True)
class HistoryStatus:
    """By one's own verified chain.

    `announced_at` (signed) and `by` (a device id) say when and where history was turned on, or its backup renewed; both are
    None while it is off. `backup` is the number of the last backup, None if there never was one.
    """

    is_on: bool
    announced_at: datetime | None
    by: str | None
    backup: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`key` is this device's signing key. The private half of a history key is never stored here."""

    state: State
    service: Service
    sync: Sync
    chain: OwnChain
    backups: KeyBackups
    key: PrivateKey
    progress: Callable[[str], AbstractContextManager[None]]

    def status(self) -> HistoryStatus:
        return _status(self.chain.newest())

    def turn_on(
        self, *, code: Callable[[], str], show: Callable[[str], None], new_code: bool = False
    ) -> tuple[HistoryStatus, int]:
        """Announces a history key, or a newer backup of the living one. The second result: pins that did not fit.

        The first time, and with `new_code`, a recovery code is made: `show` gets it once, before anything is announced,
        and what older history keys open is given up. Else `code` asks for the one that opens the last backup.
        """
        before = self.chain.newest()
        if before.backup is None or new_code:
            secret, earlier = key_backup.new_code(), None
        else:
            secret = read_code(code())
            earlier = self._opened(before, secret)
        with self.progress("Making and storing the backup"):
            keys = _keys(before, earlier)
            content = Content(before.head, keys, merged(self._pins(), earlier.pins if earlier else ()))
            saved = self.backups.save(content, code=secret, after=before.backup.n if before.backup else 0)
        if earlier is None:
            show(key_backup.grouped(secret))

        def announce(chain: Chain) -> str:
            if (chain.history, chain.backup) != (before.history, before.backup):
                raise _overtaken()
            return acts.set_history_key(chain, keys[-1].public, saved.backup, self.key, self._now())

        try:
            with self.progress("Announcing the history key"):
                return _status(self.chain.publish(announce)), saved.left_out
        except ServiceUnavailable as error:
            if earlier is None:
                error.cure += " Keep the code until you know whether it counts: sealpost history status"
            raise

    def turn_off(self) -> bool:
        """Ends the history key: what comes from now on is read by devices alone. False if it was off.

        What came before stays readable with the recovery code.
        """

        def end(chain: Chain) -> str:
            if chain.history is None:
                raise _AlreadyOff
            return acts.set_history_key(chain, None, None, self.key, self._now())

        try:
            self.chain.publish(end)
        except _AlreadyOff:
            return False
        return True

    def _opened(self, chain: Chain, secret: str) -> Content:
        try:
            with self.progress("Opening the backup"):
                return self.backups.open(chain, secret)
        except Locked as error:
            error.cure += " If it is lost: sealpost history on --new-code, which gives up what it opens."
            raise

    def _pins(self) -> list[Pin]:
        """Of everybody who is pinned, or of whom another device or a backup has told."""
        told = [Pin.parse(stored) for stored in self.state.all(Kind.EXPECTED)]
        return [*told, *self.sync.pins()]

    def _now(self) -> int:
        return int(self.service.now())


class _AlreadyOff(Exception):
    pass


def _keys(chain: Chain, earlier: Content | None) -> tuple[PrivateKey, ...]:
    """Every history key that is known; the one to announce stands last: the living one, or a new one."""
    known = earlier.history_keys if earlier else ()
    living = [key for key in known if chain.history is not None and key.public == chain.history.key]
    others = [key for key in known if key not in living]
    return (*others, *(living or [PrivateKey.generate(Use.ENCRYPTION)]))


def _status(chain: Chain) -> HistoryStatus:
    number = None if chain.backup is None else chain.backup.n
    if chain.history is None:
        return HistoryStatus(is_on=False, announced_at=None, by=None, backup=number)
    seq = chain.history.seq
    return HistoryStatus(
        is_on=True,
        announced_at=datetime.fromtimestamp(min(chain.times[seq], _LAST_SECOND), UTC),
        by=chain.log[seq].signer,
        backup=number,
    )


_LAST_SECOND = 253_402_214_400
"""The last day of the year 9999."""


def _overtaken() -> SealpostError:
    return ServiceProblem(
        "Another device of yours changed the history at the same time.",
        code="chain-conflict",
        status=409,
        cure="Nothing was announced, and a code that was shown is good for nothing. See: sealpost history status",
    )
