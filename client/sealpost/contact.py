"""What is pinned of one account."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from sealpost.protocol import chain as chains
from sealpost.protocol import jws
from sealpost.protocol.chain import Chain
from sealpost.protocol.errors import Code
from sealpost.state import Json, Kind, State


@dataclass(frozen=True, slots=True)
class Contact:
    """What is pinned of one account.

    `keys` are the newest encryption key statements by device id; `verified` is the (root, seq, hash) that the person
    vouched for by comparing the safety number, `shown` the number that they were shown last; `frozen` is the code of a
    contradiction, with ours and theirs as evidence.

    After a reset a mark for the earlier root stays: nothing is sent until the person compares, or accepts and so drops it.
    `renewed` says that somebody without a mark was reset, and no receipt has warned of it.
    """

    uid: str
    statements: tuple[str, ...]
    keys: dict[str, str] = field(default_factory=dict)
    verified: tuple[str, int, str] | None = None
    frozen: tuple[str, str, str] | None = None
    renewed: bool = False
    shown: str | None = None

    @property
    def chain(self) -> Chain:
        return chains.verify(self.uid, self.statements)

    @property
    def known_seq(self) -> int:
        return len(self.statements) - 1

    def is_verified(self) -> bool:
        return self.verified is not None and self.verified[0] == self.chain.head.root

    def is_unaccepted(self) -> bool:
        """Whether the person vouched for a root that a reset has ended since."""
        return self.verified is not None and not self.is_verified()

    def is_ended_by_reset(self) -> bool:
        """Whether another device's reset froze it: one's own account alone."""
        return (
            self.frozen is not None
            and self.frozen[0] == Code.KEY_CHANGE
            and jws.COMPACT.fullmatch(self.frozen[2]) is not None
        )

    @classmethod
    def load(cls, stored: Json) -> Self:
        return cls(
            uid=stored["uid"],
            statements=tuple(stored["statements"]),
            keys=stored["keys"],
            verified=_triple(stored["verified"]),
            frozen=_triple(stored["frozen"]),
            renewed=stored.get("renewed", False),
            shown=stored.get("shown"),
        )

    def save(self, state: State) -> None:
        state.put(Kind.CONTACT, asdict(self), self.uid)


def _triple(stored: Any) -> Any:
    return None if stored is None else tuple(stored)
