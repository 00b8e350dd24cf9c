"""Catching up and listening: nothing lost, nothing twice, no listener that is dead without a word."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sealpost import delivery
from sealpost.account import Account
from sealpost.delivery import Hooks
from sealpost.errors import ServiceProblem
from sealpost.mailbox import FirestoreDenied, FirestoreLost, MessageDocument
from sealpost.receiving import Item, Message, Refused
from sealpost.state import Kind
from tests.client.fakes import FakeMailbox, World, problem, texts

PAGE = 8
"""Documents of a page and of a window; a hundred take ten times as long to read."""


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_TICK", 0.01)
    monkeypatch.setattr(delivery, "_KNOWN_IN_WINDOW", PAGE // 2)
    monkeypatch.setattr(delivery, "PAGE", PAGE)
    for module in ("listening", "mailbox"):
        monkeypatch.setattr(f"tests.client.fakes.{module}.PAGE", PAGE)


@pytest.fixture
def bob(world: World) -> Iterator[Account]:
    with world.person("bob") as account:
        yield account


@pytest.fixture
def mailbox(world: World, bob: Account) -> FakeMailbox:
    return world.mailboxes["bob"]


def garbage(number: int, sent_at: int | None = None) -> MessageDocument:
    """A document that is refused at the first check: quick to make, and counted all the same."""
    mid = f"00000000-0000-7000-8000-{number:012d}"
    return MessageDocument(
        f"c/messages/{mid}", "c", mid, "eve", "device", number if sent_at is None else sent_at, None, "{}"
    )


def in_a_moment(action: Callable[[], None]) -> None:
    threading.Timer(0.05, action).start()


def test_a_backlog_longer_than_a_page_comes_whole_and_in_order(
    world: World, bob: Account, mailbox: FakeMailbox
) -> None:
    world.service.documents = [garbage(number) for number in range(PAGE + 7)]

    items = bob.inbox()

    assert [item.id for item in items] == [document.mid for document in world.service.documents]
    assert mailbox.pages == 2


def test_many_messages_of_one_moment_are_paged_through(world: World, bob: Account) -> None:
    world.service.documents = [garbage(number, sent_at=5) for number in range(PAGE + 5)]

    assert len(bob.inbox()) == PAGE + 5


def test_what_was_committed_late_is_still_found(world: World, bob: Account) -> None:
    now = 10**15
    world.service.documents = [garbage(1, sent_at=now)]
    assert len(bob.inbox()) == 1

    world.service.documents += [garbage(2, sent_at=now - 599_000_000), garbage(3, sent_at=now - 601_000_000)]

    assert [item.id for item in bob.inbox()] == [garbage(2).mid]


@pytest.mark.parametrize(
    "read", [lambda bob: bob.inbox(), lambda bob: list(bob.listen(timeout=0.05))], ids=["inbox", "listen"]
)
def test_what_was_committed_late_in_a_busy_time_is_still_found(
    world: World, bob: Account, read: Callable[[Account], list[Item]]
) -> None:
    now = 10**15
    world.service.documents = [garbage(number, sent_at=now + number * 30_000_000) for number in range(20)]
    assert len(read(bob)) == 20

    world.service.documents.append(garbage(1000, sent_at=now + 285_000_000))

    assert [item.id for item in bob.inbox()] == [garbage(1000).mid]


def test_what_a_listener_did_not_see_is_found_by_the_next_catch_up(world: World, bob: Account) -> None:
    """The listener moves the cursor on while a message behind it is not committed yet."""
    now = 10**15
    world.service.documents = [garbage(number, sent_at=now + number) for number in range(PAGE - 1)]

    def go_on() -> None:
        for minute in (5, 10, 15):
            world.service.add(garbage(100 + minute, sent_at=now + minute * 60_000_000))

    live = bob.listen(timeout=5, hooks=Hooks(on_ready=lambda: in_a_moment(go_on)))
    assert len([next(live) for _ in range(PAGE + 2)]) == PAGE + 2
    world.service.documents.append(garbage(1000, sent_at=now - 300_000_000))

    assert [item.id for item in bob.inbox()] == [garbage(1000).mid]


def test_what_one_sends_hides_nothing_that_came(ada: Account, bob: Account) -> None:
    ada.send("bob@example.org", "monday")
    assert texts(bob) == ["monday"]
    ada.send("bob@example.org", "tuesday")
    for number in range(4):
        bob.send("ada@example.org", str(number))

    assert texts(bob) == ["tuesday"]


def test_documents_of_years_to_come_hide_nothing(world: World, bob: Account) -> None:
    """Nobody signed a document's time. Neither a catch-up nor a listener may start from it."""
    in_2096 = 4 * 10**15
    world.service.documents = [garbage(number, sent_at=in_2096 + number) for number in range(PAGE - 2)]
    assert len(bob.inbox()) == PAGE - 2
    present = int(time.time() * 1_000_000)
    cursor = bob._state.get(Kind.CURSOR)
    assert cursor is not None
    assert cursor["sent_at"] < present + 601_000_000
    world.service.documents.append(garbage(100, sent_at=present))
    assert [item.id for item in bob.inbox()] == [garbage(100).mid]

    def send() -> None:
        world.service.add(garbage(101, sent_at=present + 1_000_000))

    live = bob.listen(timeout=5, hooks=Hooks(on_ready=lambda: in_a_moment(send)))

    assert next(live).id == garbage(101).mid


def test_a_listener_gives_the_backlog_then_what_comes(world: World, bob: Account) -> None:
    with world.person("ada") as ada:
        ada.send("bob@example.org", "waiting")
        ready = threading.Event()
        items = bob.listen(timeout=10, hooks=Hooks(on_ready=ready.set))
        first = next(items)
        assert not ready.is_set()
        in_a_moment(lambda: None)
        send_later(world, ready)
        second = next(items)
        items.close()  # type: ignore[attr-defined]

    assert [item.text for item in (first, second) if isinstance(item, Message)] == ["waiting", "live"]


def send_later(world: World, ready: threading.Event) -> None:
    """Another process of Ada's sends once Bob's listener is ready."""

    def send() -> None:
        ready.wait(5)
        with world.reopened("ada") as ada:
            ada.send("bob@example.org", "live")

    threading.Thread(target=send).start()


def test_what_was_shown_is_not_shown_again(world: World, bob: Account) -> None:
    world.service.documents = [garbage(1)]
    assert len(list(bob.listen(timeout=0.05))) == 1

    assert list(bob.listen(timeout=0.05)) == []
    assert bob.inbox() == []


def test_a_full_window_is_opened_anew(world: World, bob: Account, mailbox: FakeMailbox) -> None:
    """More messages than a listener shows come while it is open."""

    def flood() -> None:
        for number in range(PAGE + 5):
            world.service.add(garbage(number, sent_at=10**15 + number))

    ids = []
    for item in bob.listen(timeout=3, hooks=Hooks(on_ready=lambda: in_a_moment(flood))):
        ids.append(item.id)
        if len(ids) == PAGE + 5:
            break

    assert ids == [garbage(number).mid for number in range(PAGE + 5)]
    assert mailbox.opened > 1
    assert world.wall.slept == [], "nobody waits for what has come"


def test_a_busy_ten_minutes_do_not_fill_the_window_for_ever(
    world: World, bob: Account, mailbox: FakeMailbox
) -> None:
    world.service.documents = [garbage(number, sent_at=10**15 + number) for number in range(PAGE + 5)]

    list(bob.listen(timeout=0.05))

    assert mailbox.opened == 1


def test_a_denied_query_is_tried_once_more_with_a_new_token(
    world: World, bob: Account, mailbox: FakeMailbox
) -> None:
    mailbox.failures = [FirestoreDenied()]
    world.service.documents = [garbage(1)]

    assert len(bob.inbox()) == 1
    assert mailbox.opened == 2


@pytest.mark.parametrize(
    "read", [lambda bob: bob.inbox(), lambda bob: list(bob.listen(timeout=5))], ids=["inbox", "listen"]
)
def test_a_second_denial_is_an_error(
    bob: Account, mailbox: FakeMailbox, read: Callable[[Account], object]
) -> None:
    mailbox.failures = [FirestoreDenied(), FirestoreDenied()]

    with pytest.raises(FirestoreDenied) as denied:
        read(bob)

    assert "sign-in" in denied.value.cure


def test_a_listener_denied_while_open_is_noticed(world: World, bob: Account, mailbox: FakeMailbox) -> None:
    def deny() -> None:
        mailbox.failures = [FirestoreDenied(), FirestoreDenied()]
        world.service.listeners[0].fail(FirestoreDenied())

    with pytest.raises(FirestoreDenied):
        list(bob.listen(timeout=5, hooks=Hooks(on_ready=lambda: in_a_moment(deny))))


def test_a_first_connection_that_fails_is_an_error(bob: Account, mailbox: FakeMailbox) -> None:
    mailbox.failures = [FirestoreLost("gone", code="listen-lost")]

    with pytest.raises(FirestoreLost):
        list(bob.listen(timeout=5))


def test_a_lost_connection_is_told_and_made_again(world: World, bob: Account, mailbox: FakeMailbox) -> None:
    lost: list[str] = []

    def break_it() -> None:
        world.service.documents.append(garbage(1))
        world.service.listeners[0].fail(FirestoreLost("gone", code="listen-lost"))

    hooks = Hooks(on_ready=lambda: in_a_moment(break_it), on_lost=lambda error: lost.append(str(error)))
    item = next(bob.listen(timeout=5, hooks=hooks))

    assert isinstance(item, Refused)
    assert lost == ["gone"]


def test_an_outage_is_told_once_and_so_is_its_end(world: World, bob: Account, mailbox: FakeMailbox) -> None:
    told: list[str] = []
    gone = FirestoreLost("gone", code="listen-lost")

    def break_it() -> None:
        mailbox.failures = [gone, gone, gone]
        world.service.listeners[0].fail(gone)

    def ready() -> None:
        told.append("ready")
        in_a_moment(break_it)

    def back() -> None:
        told.append("back")
        world.service.add(garbage(1))

    hooks = Hooks(on_ready=ready, on_lost=lambda error: told.append(str(error)), on_back=back)
    next(bob.listen(timeout=5, hooks=hooks))

    assert told == ["ready", "gone", "back"]
    assert len(world.wall.slept) == 4


@pytest.mark.parametrize("code", ["rate-limited", "request-timeout", "unavailable"])
def test_a_look_up_that_is_put_off_is_a_lost_connection(
    world: World, ada: Account, bob: Account, code: str
) -> None:
    refusals = [problem(503 if code == "unavailable" else 429, code, {"Retry-After": "99"})] * 2
    lost: list[str] = []

    def send() -> None:
        world.service.before["find_keys"] = lambda _body: refusals.pop() if refusals else None
        world.service.add(document)

    ada.send("bob@example.org", "hi")
    document = world.service.documents.pop()
    hooks = Hooks(on_ready=lambda: in_a_moment(send), on_lost=lambda error: lost.append(error.code))
    item = next(bob.listen(timeout=5, hooks=hooks))

    assert isinstance(item, Message)
    assert lost == [code]
    assert world.wall.slept == pytest.approx([1, 2], abs=0.01)


def test_a_refused_look_up_is_no_lost_connection(world: World, ada: Account, bob: Account) -> None:
    ada.send("bob@example.org", "hi")
    document = world.service.documents.pop()

    def send() -> None:
        world.service.before["find_keys"] = lambda _body: problem(403, "device-not-active")
        world.service.add(document)

    with pytest.raises(ServiceProblem):
        next(bob.listen(timeout=5, hooks=Hooks(on_ready=lambda: in_a_moment(send))))


class EnoughError(Exception):
    """Ends a listener that would go on for ever."""


def pauses(world: World, count: int) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        world.wall.slept.append(seconds)
        if len(world.wall.slept) == count:
            raise EnoughError

    return sleep


def test_a_window_that_is_full_of_one_moment_is_no_busy_loop(
    world: World, bob: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No start leaves room for what is sent then, so that catch-ups bring it."""
    world.service.documents = [garbage(number, sent_at=5) for number in range(PAGE)]
    monkeypatch.setattr(world.wall, "sleep", pauses(world, 7))

    with pytest.raises(EnoughError):
        list(bob.listen())

    assert world.wall.slept == [1, 2, 4, 8, 16, 30, 30]


def test_a_listener_is_opened_anew_before_its_token_ends(bob: Account, mailbox: FakeMailbox) -> None:
    mailbox.token_lasts = 0.02

    list(bob.listen(timeout=0.1))

    assert mailbox.opened >= 3


def test_a_token_that_ends_soon_is_used_for_half_its_time(bob: Account, mailbox: FakeMailbox) -> None:
    mailbox.token_lasts = 200

    list(bob.listen(timeout=0.05))

    assert mailbox.opened == 1
