"""A listener of Firestore in memory."""

import queue
from collections.abc import Callable

from sealpost.errors import SealpostError
from sealpost.mailbox import PAGE, MessageDocument


class FakeListening:
    """A listener with a window of PAGE documents sent at `since` or later, as Firestore's has."""

    def __init__(
        self,
        documents: list[MessageDocument],
        since: int,
        is_mine: Callable[[MessageDocument], bool] = lambda _document: True,
    ) -> None:
        self._is_mine = is_mine
        self._queue: queue.SimpleQueue[MessageDocument | SealpostError] = queue.SimpleQueue()
        self._count = 0
        self._since = since
        self.ready = False
        for document in documents:
            self.offer(document)

    @property
    def full(self) -> bool:
        return self._count >= PAGE

    def offer(self, document: MessageDocument) -> None:
        if self._count < PAGE and document.sent_at >= self._since and self._is_mine(document):
            self._count += 1
            self._queue.put(document)

    def fail(self, error: SealpostError) -> None:
        self._queue.put(error)

    def next(self, timeout: float) -> MessageDocument | None:
        try:
            event = self._queue.get(timeout=0 if not self.ready else timeout)
        except queue.Empty:
            self.ready = True
            return None
        if isinstance(event, SealpostError):
            raise event
        return event

    def close(self) -> None:
        self.ready = False
