"""Catching up and listening: pages of a query first, then a listener, opened anew before it can end unnoticed."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from sealpost.device import OwnDevice
from sealpost.errors import ServiceProblem, ServiceUnavailable
from sealpost.items import Item
from sealpost.mailbox import PAGE, FirestoreDenied, Mailbox, MessageDocument
from sealpost.receiving import Reader
from sealpost.service import Wall
from sealpost.session import ID_MARGIN, Session
from sealpost.state import Kind, State

_OVERLAP = 600 * 1_000_000
"""Microseconds that a message may be committed after its sent_at. So far behind what was read, it is read again."""
_KNOWN_IN_WINDOW = PAGE // 2
_LISTEN_SECONDS = 1800.0
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_TICK = 0.5
_TEMPORARY = frozenset({"rate-limited", "request-timeout"})
"""Refusals that pass by themselves. (What the service cannot answer now is ServiceUnavailable.)"""

OpenMailbox = Callable[[], tuple[Mailbox, float]]
"""A mailbox with a valid ID token, and until when (Unix seconds) the token lasts."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a listener tells besides messages: it is ready; the connection is lost and is tried for again; it is back.

    An outage is told once, however often it is tried for in between.
    """

    on_ready: Callable[[], None] = lambda: None
    on_lost: Callable[[ServiceUnavailable], None] = lambda _error: None
    on_back: Callable[[], None] = lambda: None


class _Connection:
    """What a listener's reader was told of it. `denied` says that the last try was refused."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._is_lost = False
        self.was_ready = False
        self.denied = False

    def ready(self) -> None:
        self.denied = False
        if self._is_lost:
            self._is_lost = False
            self._hooks.on_back()
        if not self.was_ready:
            self.was_ready = True
            self._hooks.on_ready()

    def lost(self, error: ServiceUnavailable | ServiceProblem) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._hooks.on_lost(_lost(error))


class _Pause:
    """Between two sessions of listening: none after one that was good for something, else a second, doubled up to thirty."""

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        self._next = _FIRST_PAUSE

    def reset(self) -> None:
        self._next = 0.0

    def rest(self, *, began: float, deadline: float) -> None:
        """After a session that began then, no longer than until `deadline` (both monotonic seconds)."""
        now = time.monotonic()
        if now - began > _LONGEST_PAUSE:
            self.reset()
        if self._next:
            self._wall.sleep(max(0.0, min(self._next, deadline - now)))
        self._next = min(max(_FIRST_PAUSE, 2 * self._next), _LONGEST_PAUSE)


class Delivery:
    """Brings messages from Firestore to the reader."""

    def __init__(
        self,
        *,
        state: State,
        session: Session,
        device: OwnDevice,
        reader: Reader,
        mailbox: OpenMailbox,
        wall: Wall,
    ) -> None:
        self._state = state
        self._session = session
        self._device = device
        self._reader = reader
        self._mailbox = mailbox
        self._wall = wall

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
        connection, pause = _Connection(hooks), _Pause(self._wall)
        while True:
            began = time.monotonic()
            try:
                with closing(self._session_of_listening(deadline, connection.ready)) as items:
                    for item in items:
                        pause.reset()
                        yield item
            except FirestoreDenied:
                if connection.denied:
                    raise
                connection.denied = True
                self._session.forget_id_token()
            except (ServiceUnavailable, ServiceProblem) as error:
                if not connection.was_ready or not _is_temporary(error):
                    raise
                connection.lost(error)
            if time.monotonic() >= deadline:
                return
            pause.rest(began=began, deadline=deadline)

    def _session_of_listening(
        self, deadline: float, ready: Callable[[], None]
    ) -> Generator[Item, None, None]:
        """One catch-up and one listener, until its window is full, its token or its time near their end."""
        self._device.publish()
        mailbox, token_ends = self._mailbox()
        left = token_ends - self._wall.time()
        deadline = min(deadline, time.monotonic() + min(_LISTEN_SECONDS, max(left - ID_MARGIN, left / 2)))
        try:
            yield from self._pages(mailbox)
            listening = mailbox.listen(self._listen_from())
            try:
                while time.monotonic() < deadline and not (listening.ready and listening.full):
                    document = listening.next(max(0.0, min(_TICK, deadline - time.monotonic())))
                    yield from self._read(document)
                    if listening.ready:
                        ready()
            finally:
                listening.close()
        finally:
            mailbox.close()

    def _pages(self, mailbox: Mailbox) -> Iterator[Item]:
        """A catch-up: all pages, and what can be read since. When it is complete, ended keys may be destroyed."""
        yield from self._reader.reopen()
        started, since, last = self._wall.time(), self._read_from(), None
        while True:
            page = mailbox.page(since, after=last)
            for document in page:
                yield from self._read(document)
            if len(page) < PAGE:
                break
            last = page[-1]
        cursor = self._state.get(Kind.CURSOR)
        if cursor is not None:
            mark = min(cursor["sent_at"], int(started * 1_000_000))
            self._state.put(Kind.CAUGHT_UP, {"sent_at": mark})
        self._device.destroy_ended(catch_up_started=started)

    def _read(self, document: MessageDocument | None) -> Iterator[Item]:
        """What a document holds, after the changes of keys that were found until then."""
        item = None if document is None else self._reader.read(document)
        yield from self._reader.fresh_changes()
        if item is not None:
            yield item

    def _read_from(self) -> int:
        """From when a catch-up reads, in microseconds: everything before was committed when the last complete one ran.

        Not from the cursor, which a listener moves on without having seen what is committed late.
        """
        return max(0, self._caught_up() - _OVERLAP)

    def _listen_from(self) -> int:
        """From when a listener reads: as far back, but so that known messages fill no more than half of its window."""
        newest = self._state.newest_times(_KNOWN_IN_WINDOW)
        oldest_known = newest[-1] if len(newest) == _KNOWN_IN_WINDOW else 0
        return max(self._read_from(), min(self._caught_up(), oldest_known))

    def _caught_up(self) -> int:
        """Where the last complete catch-up ended: the cursor, or its beginning if that was earlier."""
        mark = self._state.get(Kind.CAUGHT_UP)
        return 0 if mark is None else int(mark["sent_at"])


def _is_temporary(error: ServiceUnavailable | ServiceProblem) -> bool:
    return isinstance(error, ServiceUnavailable) or error.code in _TEMPORARY


def _lost(error: ServiceUnavailable | ServiceProblem) -> ServiceUnavailable:
    if isinstance(error, ServiceUnavailable):
        return error
    return ServiceUnavailable(str(error), code=error.code, cure=error.cure)
