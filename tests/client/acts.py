"""What a person does in the process that `kills` ends."""

from tests.client.fakes import CODE
from tests.client.kills import Actor


def sign_up(actor: Actor) -> None:
    actor.sign_up().close()
    actor.tell("made")


def sign_in(actor: Actor) -> None:
    with actor.open() as account:
        account.sign_in(CODE)
        actor.tell("signed in")


def renew_the_session(actor: Actor) -> None:
    with actor.open() as account:
        account._session.call("find_keys", {"accounts": [], "conversations": []})
        actor.tell("answered")


def sign_out(actor: Actor) -> None:
    with actor.open() as account:
        account.sign_out()
        actor.tell("signed out")


def send(actor: Actor) -> None:
    with actor.open() as account:
        actor.tell(account.send("bob@example.org", "hello").message_id)


def read(actor: Actor) -> None:
    with actor.open() as account:
        for item in account.inbox(mark=False):
            actor.tell(item.id)
            account.mark_shown(item)


def verify(actor: Actor) -> None:
    with actor.open() as account:
        account.mark_verified("bob@example.org")
        actor.tell("verified")


def publish(actor: Actor) -> None:
    with actor.open() as account:
        account._device.publish()
        actor.tell("published")


def catch_up(actor: Actor) -> None:
    with actor.open() as account:
        account.inbox()
        actor.tell("caught up")


def show_history(actor: Actor) -> None:
    with actor.open() as account:
        list(account.history())
        actor.tell("shown")


def unlock(actor: Actor) -> None:
    with actor.open() as account:
        account.unlock(minutes=5)
        actor.tell("unlocked")


def lock(actor: Actor) -> None:
    actor.folder.state.lock()
    actor.tell("locked")
