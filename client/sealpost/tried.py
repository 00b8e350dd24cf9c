"""Statements that were sent, each stored before: one whose answer was lost is known again by its hash."""

from dataclasses import dataclass

from sealpost.protocol import encoding
from sealpost.state import Kind, State


@dataclass(frozen=True, slots=True)
class Tried:
    """Those of one kind: a device's first statement, or its reset."""

    state: State
    kind: Kind

    def add(self, statement: str) -> None:
        self.state.put(self.kind, {"tried": [*self._statements(), statement]})

    def by_hash(self) -> dict[str, str]:
        return {encoding.digest(statement): statement for statement in self._statements()}

    def forget(self) -> None:
        self.state.delete(self.kind)

    def _statements(self) -> list[str]:
        stored = self.state.get(self.kind)
        return [] if stored is None else stored["tried"]
