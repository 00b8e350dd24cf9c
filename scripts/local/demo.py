"""`scripts/run --demo`: the main job, played by two people through the client, and what is stored of it."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from scripts.local.emulators import OWNER
from scripts.local.layout import Layout
from scripts.local.people import PATIENCE, Person, mailed_link
from scripts.local.ports import Ports
from scripts.local.runs import running, the_only_one
from scripts.local.say import Progress, Stop, seconds
from scripts.local.stack import DATABASE, PROJECT, Backing, empty
from scripts.local.web import call
from sealpost.errors import SealpostError
from sealpost.receiving import Message
from sealpost.terminal import neutralised

MESSAGE = "Hello Bob, only you can read this."

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
            Person(name, f"{name.lower()}@example.com", home=data / "people") for name in ("Alice", "Bob")
        ]
        with running(layout, progress, data, Ports.free(), lasting=False) as (backing, suite, _):
            try:
                same = _acts(_Stage(progress, backing, suite.url), people[0], people[1], message)
            except SealpostError as error:
                raise Stop(f"{error} {error.cure or ''}".strip()) from None
            finally:
                for person in people:
                    person.close()
        progress.line("Nothing is left running. What was stored is in .local/demo until the next demo.")
        return 0 if same else 1


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
    listening = stage.act("Bob listens", bob.listen)
    began = time.monotonic()
    receipt = stage.act(
        "Alice looks Bob up, makes the conversation, encrypts and sends",
        lambda: alice.send(bob.address, message),
    )
    item = listening.message()
    stage.say("Bob's listener has it, checked and decrypted, since Alice began", began)
    conversation = f"conversations/{receipt.conversation_id}"
    document = f"{conversation}/messages/{receipt.message_id}"
    stage.act(
        "The trigger raised the conversation's last_message_at",
        lambda: _raised(stage.backing, conversation, receipt.sent_at),
    )

    say(f"\nStored in Firestore, {document}:\n")
    say(json.dumps(_document(stage.backing, document), indent=2))
    say("\nStored in PostgreSQL, every row of these two accounts:\n")
    say(rows(stage.backing))

    if not isinstance(item, Message):
        say(f"\nBob's client refused the message: {item.reason}")
        return False
    say(f"\nBob reads, from {item.address or f'{item.peer} (address not confirmed)'}:\n")
    say(f"    {neutralised(item.text, multiline=True)}\n")
    same = item.text == message
    say("It is what Alice sent." if same else "This is not what Alice sent.")
    return same


def rows(backing: Backing) -> str:
    """Every row of every table that is not empty, as PostgreSQL writes it."""
    connection = backing.postgres.connect(DATABASE)
    lines = []
    try:
        tables = connection.run(
            "select table_name from information_schema.tables where table_schema = 'public' order by 1"
        )
        for (table,) in tables:
            if table == "migrations":
                continue
            found = connection.run(f'select row_to_json(t) from "{table}" t')  # noqa: S608 - names from the catalogue
            for number, (row,) in enumerate(found, 1):
                lines.append(f"  {table} ({number} of {len(found)})")
                lines += [f"    {name} = {_plain(value)}" for name, value in row.items() if value is not None]
    finally:
        connection.close()
    return "\n".join(lines)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _document(backing: Backing, path: str) -> Any:
    answer = call(
        "GET",
        f"{backing.firestore.url}/v1/projects/{PROJECT}/databases/(default)/documents/{path}",
        bearer=OWNER,
    )
    if answer.status != http.client.OK:
        raise Stop(f"Firestore has no {path}: {answer.status}.")
    return answer.json


def _raised(backing: Backing, conversation: str, sent_at: datetime) -> None:
    end = time.monotonic() + PATIENCE
    wanted = int(sent_at.timestamp() * 1000)
    while int(_document(backing, conversation)["fields"]["last_message_at"]["integerValue"]) < wanted:
        if time.monotonic() > end:
            raise Stop(f"The trigger did not raise last_message_at within {PATIENCE:.0f} s.")
        time.sleep(0.02)
