"""Catching up and listening: pages of a query first, then a listener, opened anew before it can end unnoticed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sealpost.device import OwnDevice
from sealpost.errors import ServiceUnavailable
from sealpost.mailbox import PAGE, FirestoreDenied, Mailbox
from sealpost.receiving import Item, Reader
from sealpost.session import ID_MARGIN, Session
from sealpost.state import State

_OVERLAP = 600 * 1_000_000
"""Microseconds before the cursor from which is read again: a message that was committed late lies behind it."""
_KNOWN_IN_WINDOW = PAGE // 2
_LISTEN_SECONDS = 1800.0
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_TICK = 0.5
_CURSOR = "cursor"

OpenMailbox = Callable[[], tuple[Mailbox, float]]
"""A mailbox with a valid ID token, and until when (Unix seconds) the token lasts."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a listener tells besides messages: it is ready; the connection is lost and will be tried again."""

    on_ready: Callable[[], None] = lambda: None
    on_lost: Callable[[ServiceUnavailable], None] = lambda _error: None


class Delivery:
    """Brings messages from Firestore to the reader."""

    def __init__(
        self, *, state: State, session: Session, device: OwnDevice, reader: Reader, mailbox: OpenMailbox
    ) -> None:
        self._state = state
        self._session = session
        self._device = device
        self._reader = reader
        self._mailbox = mailbox

    def catch_up(self) -> Iterator[Item]:
        """Everything that has come since the last time. Raises FirestoreDenied when the session has ended."""
        for retry in (True, False):
            self._device.publish()
            mailbox, _ = self._mailbox()
            try:
                yield from self._pages(mailbox)
            except FirestoreDenied:
                if not retry:
                    raise
                self._session.forget_id_token()
            else:
                return
            finally:
                mailbox.close()

    def listen(self, *, timeout: float | None, hooks: Hooks) -> Iterator[Item]:
        """Messages as they are sent, until `timeout` seconds have passed (for ever without).

        Raises when the first connection fails, and FirestoreDenied whenever the session has ended; a connection that is
        lost later is made again.
        """
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        was_ready, denied, pause = False, False, _FIRST_PAUSE

        def ready() -> None:
            nonlocal was_ready, denied, pause
            denied, pause = False, _FIRST_PAUSE
            if not was_ready:
                was_ready = True
                hooks.on_ready()

        while True:
            try:
                yield from self._session_of_listening(deadline, ready)
            except FirestoreDenied:
                if denied:
                    raise
                denied = True
                self._session.forget_id_token()
            except ServiceUnavailable as lost:
                if not was_ready:
                    raise
                hooks.on_lost(lost)
                time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
                pause = min(2 * pause, _LONGEST_PAUSE)
            if time.monotonic() >= deadline:
                return

    def _session_of_listening(self, deadline: float, ready: Callable[[], None]) -> Iterator[Item]:
        """One catch-up and one listener, until its window is full, its token or its time near their end."""
        self._device.publish()
        mailbox, token_ends = self._mailbox()
        lasts = min(_LISTEN_SECONDS, token_ends - ID_MARGIN - time.time())
        deadline = min(deadline, time.monotonic() + lasts)
        try:
            yield from self._pages(mailbox)
            listening = mailbox.listen(self._start())
            try:
                while time.monotonic() < deadline and not (listening.ready and listening.full):
                    document = listening.next(max(0.0, min(_TICK, deadline - time.monotonic())))
                    item = None if document is None else self._reader.read(document)
                    if item is not None:
                        yield item
                    if listening.ready:
                        ready()
            finally:
                listening.close()
        finally:
            mailbox.close()

    def _pages(self, mailbox: Mailbox) -> Iterator[Item]:
        """All pages from the start on; then ended keys may be destroyed."""
        started, since, last = time.time(), self._start(), None
        while True:
            page = mailbox.page(since, after=last)
            for document in page:
                item = self._reader.read(document)
                if item is not None:
                    yield item
            if len(page) < PAGE:
                break
            last = page[-1]
        self._device.destroy_ended(catch_up_started=started)

    def _start(self) -> int:
        """From when to read, in microseconds: some way behind the cursor, and at most half a window of known messages."""
        cursor = self._state.get(_CURSOR)
        if cursor is None:
            return 0
        newest = self._state.newest_times(_KNOWN_IN_WINDOW)
        oldest_known = newest[-1] if len(newest) == _KNOWN_IN_WINDOW else 0
        return int(max(cursor["sent_at"] - _OVERLAP, oldest_known))
