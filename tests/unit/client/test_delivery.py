"""Catching up and listening: nothing lost, nothing twice, no listener that is dead without a word."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sealpost import delivery
from sealpost.account import Account
from sealpost.delivery import Hooks
from sealpost.mailbox import PAGE, FirestoreDenied, FirestoreLost, MessageDocument
from sealpost.receiving import Message, Refused
from sealpost.session import ID_MARGIN
from tests.unit.client.fakes import FakeMailbox, World


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_TICK", 0.01)


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
    world.service.documents = [garbage(number) for number in range(2 * PAGE + 7)]

    items = bob.inbox()

    assert [item.id for item in items] == [document.mid for document in world.service.documents]
    assert mailbox.pages == 3


def test_many_messages_of_one_moment_are_paged_through(world: World, bob: Account) -> None:
    world.service.documents = [garbage(number, sent_at=5) for number in range(PAGE + 5)]

    assert len(bob.inbox()) == PAGE + 5


def test_what_was_committed_late_is_still_found(world: World, bob: Account) -> None:
    now = 10**15
    world.service.documents = [garbage(1, sent_at=now)]
    assert len(bob.inbox()) == 1

    world.service.documents += [garbage(2, sent_at=now - 599_000_000), garbage(3, sent_at=now - 601_000_000)]

    assert [item.id for item in bob.inbox()] == [garbage(2).mid]


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
    assert len(list(bob.listen(timeout=0.1))) == 1

    assert list(bob.listen(timeout=0.1)) == []
    assert bob.inbox() == []


def test_a_full_window_is_opened_anew(world: World, bob: Account, mailbox: FakeMailbox) -> None:
    """More messages than a listener shows come while it is open."""

    def flood() -> None:
        for number in range(3 * PAGE):
            world.service.add(garbage(number, sent_at=10**15 + number))

    ids = []
    for item in bob.listen(timeout=3, hooks=Hooks(on_ready=lambda: in_a_moment(flood))):
        ids.append(item.id)
        if len(ids) == 3 * PAGE:
            break

    assert ids == [garbage(number).mid for number in range(3 * PAGE)]
    assert mailbox.opened > 1


def test_a_busy_ten_minutes_do_not_fill_the_window_for_ever(
    world: World, bob: Account, mailbox: FakeMailbox
) -> None:
    world.service.documents = [garbage(number, sent_at=10**15 + number) for number in range(PAGE + 20)]

    list(bob.listen(timeout=0.2))

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


def test_a_lost_connection_is_told_and_made_again(
    world: World, bob: Account, mailbox: FakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE", 0.01)
    lost: list[str] = []

    def break_it() -> None:
        world.service.documents.append(garbage(1))
        world.service.listeners[0].fail(FirestoreLost("gone", code="listen-lost"))

    hooks = Hooks(on_ready=lambda: in_a_moment(break_it), on_lost=lambda error: lost.append(str(error)))
    item = next(bob.listen(timeout=5, hooks=hooks))

    assert isinstance(item, Refused)
    assert lost == ["gone"]


def test_a_listener_is_opened_anew_before_its_token_ends(bob: Account, mailbox: FakeMailbox) -> None:
    mailbox.token_lasts = ID_MARGIN + 0.05

    started = time.monotonic()
    list(bob.listen(timeout=0.3))

    assert mailbox.opened >= 3
    assert time.monotonic() - started < 2
