from dataclasses import dataclass, field

from common.restores import Restore


@dataclass
class FakeRestores:
    known: list[Restore] = field(default_factory=list)

    async def restores(self) -> tuple[Restore, ...]:
        return tuple(self.known)
