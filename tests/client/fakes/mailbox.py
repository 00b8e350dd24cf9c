"""Firestore in memory."""

from dataclasses import dataclass, field

from sealpost.errors import SealpostError
from sealpost.mailbox import PAGE, MessageDocument
from sealpost.service import Wall
from tests.client.fakes.listening import FakeListening
from tests.client.fakes.store import Store


@dataclass
class FakeMailbox:
    """Firestore for the account at `email`. `failures` are raised by the next pages, one each."""

    service: Store
    email: str
    wall: Wall = field(default_factory=Wall)
    failures: list[SealpostError] = field(default_factory=list)
    token_lasts: float = 3600
    opened: int = 0
    pages: int = 0

    def open(self) -> tuple["FakeMailbox", float]:
        self.opened += 1
        return self, self.wall.time() + self.token_lasts

    def page(self, since: int, *, after: MessageDocument | None = None) -> list[MessageDocument]:
        self.pages += 1
        if self.failures:
            raise self.failures.pop(0)
        place = (after.sent_at, after.name) if after else (since, "")
        mine = (d for d in self.service.documents if self._is_mine(d))
        later = [d for d in mine if d.sent_at >= since and (d.sent_at, d.name) > place]
        return sorted(later, key=lambda d: (d.sent_at, d.name))[:PAGE]

    def listen(self, since: int) -> FakeListening:
        listening = FakeListening(self.service.documents, since, self._is_mine)
        self.service.listeners.append(listening)
        return listening

    def close(self) -> None:
        self.service.listeners.clear()

    def _is_mine(self, document: MessageDocument) -> bool:
        return self.service.addressed_to(self.email, document)
