"""`scripts/run --demo`: the main job, played by two people through the client, and what is stored of it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TypeVar

from scripts.local import traces
from scripts.local.layout import Layout
from scripts.local.people import PATIENCE, Person, mailed_link
from scripts.local.ports import Ports
from scripts.local.runs import running, the_only_one
from scripts.local.say import Progress, Stop, seconds
from scripts.local.stack import PROJECT, Backing, empty
from scripts.local.stored import Stored, cut, document
from sealpost.errors import SealpostError
from sealpost.protocol import bounds, encoding
from sealpost.protocol.body import Text
from sealpost.receiving import Message
from sealpost.terminal import neutralised

MESSAGE = "Hello Bob, only you can read this."

ALICE, BOB = "alice@example.com", "bob@example.com"

_PEOPLE = "people"
"""The folder of the two devices, where the text belongs."""

_WHOLE = "stored.json"

Result = TypeVar("Result")


def play(layout: Layout, progress: Progress, *, message: str) -> int:
    """Play it on data of its own, which are left in `.local/demo` and wiped by the next demo. The exit status.

    Raises:
        Stop: a part failed.
    """
    data = layout.data("demo")
    with the_only_one(data):
        empty(data)
        people = [
            Person("Alice", ALICE, home=data / _PEOPLE),
            Person("Bob", BOB, home=data / _PEOPLE),
        ]
        with running(layout, progress, data, Ports.free(), lasting=False) as (backing, suite, _):
            try:
                good = _acts(_Stage(progress, backing, suite.url), people[0], people[1], message)
            except SealpostError as error:
                raise Stop(f"{error} {error.cure or ''}".strip()) from None
            finally:
                for person in people:
                    person.close()
        progress.line("Nothing is left running. What was stored is in .local/demo until the next demo.")
        return 0 if good else 1


def refusal(message: str) -> str | None:
    """Why a text cannot be sent, if it cannot: nothing needs to be started to find that out."""
    if not message:
        return "The message is empty, and nothing is sent then. Give --message a text."
    try:
        size = len(encoding.compact_json(Text(message, ALICE).to_json()).encode())
    except UnicodeEncodeError:
        return "The message is not UTF-8 text. Convert it first, for example with iconv."
    if size > bounds.MAX_BODY:
        return (
            f"The message is too long: its {len(message.encode()):,} bytes make a body of {size:,}, "
            f"and the protocol takes {bounds.MAX_BODY:,} at most."
        )
    return None


@dataclass(frozen=True, slots=True)
class _Stage:
    progress: Progress
    backing: Backing
    service: str

    def act(self, text: str, job: Callable[[], Result]) -> Result:
        """Do one step and print how long it took."""
        began = time.monotonic()
        result = job()
        self.say(text, began)
        return result

    def say(self, text: str, began: float) -> None:
        self.progress.line(f"  {text:<66} {seconds(time.monotonic() - began):>8}")

    def search(self, text: str, stored: Stored) -> traces.Found:
        """Search every byte that is stored, but for the two people's own devices."""
        self.backing.postgres.checkpoint()
        self.backing.export(PROJECT)
        files = traces.files(self.backing.data, but=(_PEOPLE, _WHOLE))
        return traces.search(text, chain(stored.contents(), files))

    def enter(self, person: Person) -> None:
        """From nothing to published keys."""
        name = person.name
        self.act(f"{name} signs up as {person.address}", lambda: person.sign_up(self.service))
        link = self.act(
            f"{name}'s mail arrives with the link", lambda: mailed_link(self.backing.mailbox, person.address)
        )
        self.act(
            f"{name} follows it: a session, and the device's keys published", lambda: person.sign_in(link)
        )


def _acts(stage: _Stage, alice: Person, bob: Person, message: str) -> bool:
    say = stage.progress.line
    say("\nThe main job:")
    stage.enter(alice)
    stage.enter(bob)
    before = stage.search(message, Stored.of(stage.backing))
    listening = stage.act("Bob listens", bob.listen)
    began = time.monotonic()
    receipt = stage.act(
        "Alice looks Bob up, makes the conversation, encrypts and sends",
        lambda: alice.send(bob.address, message),
    )
    item = listening.message()
    stage.say("Bob's listener has it, checked and decrypted, since Alice began", began)
    conversation = f"conversations/{receipt.conversation_id}"
    stage.act(
        "The trigger raised the conversation's last_message_at",
        lambda: _raised(stage.backing, conversation, receipt.sent_at),
    )
    verdict = _show(stage, f"{conversation}/messages/{receipt.message_id}", message, before)

    if not isinstance(item, Message):
        say(f"\nBob's client did not show the message: {neutralised(str(item))}")
        return False
    say(f"\nBob reads, from {item.address or f'{item.peer} (address not confirmed)'}:\n")
    say(f"    {neutralised(item.text, multiline=True)}\n")
    same = item.text == message
    say("It is what Alice sent." if same else "This is not what Alice sent.")
    say(verdict.says)
    return same and not verdict.leaked


def _show(stage: _Stage, path: str, message: str, before: traces.Found) -> traces.Verdict:
    """Print what is stored, and search it for the text."""
    say = stage.progress.line
    stored = Stored.of(stage.backing)
    stored.write(stage.backing.data / _WHOLE)
    say(f"\nStored in Firestore, {path}:\n")
    say(json.dumps(cut(document(stage.backing, path)), indent=2))
    say("\nStored in PostgreSQL, every row of these two accounts:\n")
    say(stored.rows())
    say(f"\nLong values are cut here. All of it, whole: .local/demo/{_WHOLE}")
    return traces.verdict(message, before, stage.search(message, stored))


def _raised(backing: Backing, conversation: str, sent_at: datetime) -> None:
    end = time.monotonic() + PATIENCE
    wanted = int(sent_at.timestamp() * 1000)
    while int(document(backing, conversation)["fields"]["last_message_at"]["integerValue"]) < wanted:
        if time.monotonic() > end:
            raise Stop(f"The trigger did not raise last_message_at within {PATIENCE:.0f} s.")
        time.sleep(0.02)
