"""Sealed backups of the history keys at the service: saved, fetched, opened."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sealpost import refusals
from sealpost.errors import Locked, SealpostError, ServiceProblem, Unsafe, UsageError
from sealpost.protocol import encoding, key_backup
from sealpost.protocol.body import Pin
from sealpost.protocol.chain import Chain
from sealpost.protocol.errors import BackupTooLargeError, Code, ProtocolError
from sealpost.protocol.key_backup import Content, Cost
from sealpost.protocol.statements import Backup
from sealpost.session import Session

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Saved:
    """What the chain is to announce; `left_out` of the pins did not fit."""

    backup: Backup
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBackups:
    """`own` is one's own uid, `cost` that of deriving a key from a recovery code."""

    session: Session
    own: str
    cost: Cost

    def open(self, chain: Chain, code: str) -> Content:
        """What the backup holds that one's own verified `chain` announced last.

        Nothing is stored. Raises Locked for another code, Unsafe for another backup, or one that contradicts the chain.
        """
        if chain.backup is None:
            raise nothing_kept()
        text = self._fetch(chain.backup.n)
        try:
            content = key_backup.open_backup(text, code=code, uid=self.own, announced=chain.backup)
            content.check_chain(chain)
        except ProtocolError as error:
            raise _refused(error) from None
        return content

    def save(self, content: Content, *, code: str, after: int) -> Saved:
        """Seals and stores a backup whose number is the next one, above `after`."""
        n = after + 1
        for _ in range(_TRIES):
            text, fitting = self._seal(content, code=code, n=n)
            try:
                self.session.proved("save_key_backup", n=n, backup=text)
            except ServiceProblem as problem:
                newest = problem.members.get("n")
                if problem.code != "backup-conflict" or not encoding.is_integer(newest) or newest < n:
                    raise
                n = newest + 1
            else:
                backup = Backup(n, key_backup.digest(text))
                return Saved(backup, len(content.pins) - len(fitting.pins))
        raise SealpostError(
            "Other devices of yours are storing backups at the same time.",
            code="backup-conflict",
            cure="Nothing was changed. Run the command again.",
        )

    def _fetch(self, n: int) -> str:
        try:
            answer = self.session.proved("get_key_backup", n=n)
        except ServiceProblem as problem:
            if problem.code != "not-found":
                raise
            raise Unsafe(
                "The service does not have the backup that your devices announced.",
                code=Code.BACKUP_STALE.value,
                cure=_ASK,
            ) from None
        text = answer.get("backup")
        if not isinstance(text, str):
            raise refusals.bad_answer()
        return text

    def _seal(self, content: Content, *, code: str, n: int) -> tuple[str, Content]:
        """With as many of the first pins as fit."""
        while True:
            try:
                return key_backup.seal(content, code=code, n=n, cost=self.cost), content
            except BackupTooLargeError as error:
                if not content.pins:
                    raise _too_many_keys(content) from None
                fitting = len(content.pins) * error.limit // error.size
                content = replace(content, pins=content.pins[: min(fitting, len(content.pins) - 1)])


def read_code(text: str) -> str:
    """What a person typed or pasted. Raises UsageError if it is no recovery code."""
    try:
        return key_backup.read_code(text)
    except ProtocolError as error:
        raise UsageError(
            error.sentence,
            code=error.code.value,
            cure="A recovery code is six groups of four letters and digits: 5M3Q-Z8T1-K7WB-C0XN-2RHE-9VJ4",
        ) from None


def merged(ours: Sequence[Pin], earlier: Sequence[Pin]) -> tuple[Pin, ...]:
    """What is known of people here and what a backup knew, those verified first.

    Of one account the longer chain, and the mark that only one of them has.
    """
    pins = {pin.uid: pin for pin in earlier}
    for pin in ours:
        known = pins.get(pin.uid)
        if known is None:
            pins[pin.uid] = pin
            continue
        longer = pin if known.head[0] <= pin.head[0] else known
        pins[pin.uid] = replace(longer, verified=pin.verified or known.verified)
    return tuple(sorted(pins.values(), key=lambda pin: (pin.verified is None, pin.uid)))


def nothing_kept() -> SealpostError:
    return SealpostError(
        "This account has no history to come back to: it was never turned on.",
        code="no-history",
        cure="From now on there can be one: sealpost history on",
    )


_ASK = "Nothing was taken. Try again; if it goes on, ask the service's operator."


def _refused(error: ProtocolError) -> SealpostError:
    if error.code is Code.BACKUP_UNREADABLE:
        return Locked(
            error.sentence, code=error.code.value, cure="Look at what you wrote down, and type it again."
        )
    if error.code is Code.UPDATE_NEEDED:
        return Unsafe(
            error.sentence, code=error.code.value, cure="Update with: pip install --upgrade sealpost"
        )
    return Unsafe(f"Your backup: {error.sentence}", code=error.code.value, cure=_ASK)


def _too_many_keys(content: Content) -> SealpostError:
    return SealpostError(
        f"{len(content.history_keys)} history keys do not fit into one backup.",
        code="backup-too-large",
        cure="Begin a new history, without what the old ones open: sealpost history on --new-code",
    )
