"""One person's devices, by the command itself: linked, removed, and begun anew when all others are lost."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from scripts.local.layout import Layout
from scripts.local.people import Person, mailed_link
from scripts.local.stack import Backing, Suite
from scripts.local.web import call
from sealpost.account import Surroundings
from sealpost.errors import ExitStatus
from sealpost.receiving import Message
from sealpost.vault import Cost
from tests.e2e.device import ready_keys

pytestmark = pytest.mark.early

PATIENCE = 60.0
Enter = Callable[[str], Person]


@dataclass
class Terminal:
    """The command with the profile of one device."""

    person: Person
    environment: dict[str, str]

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "sealpost", "--profile", self.person.name, *words]
        return subprocess.Popen(  # noqa: S603 - the command under test
            command,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *words: str, stdin: str = "", status: ExitStatus = ExitStatus.OK) -> tuple[str, str]:
        """What it prints to stdout and stderr."""
        with self.start(*words) as process:
            printed = process.communicate(stdin, PATIENCE)
        assert process.returncode == status, printed
        return printed


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    ready_keys(monkeypatch)


@pytest.fixture
def terminal(layout: Layout, tmp_path: Path) -> Callable[[Person], Terminal]:
    """Gives the command for a person, whose profile stays open in this process too."""

    def of(person: Person) -> Terminal:
        passphrase = tmp_path / f"{person.name}.passphrase"
        passphrase.write_text(person._passphrase)
        return Terminal(
            person,
            os.environ
            | {
                "SEALPOST_HOME": str(tmp_path),
                "SEALPOST_PASSPHRASE_FILE": str(passphrase),
                "PYTHONPATH": str(layout.root / "client"),
                "PYTHONIOENCODING": "utf-8",
            },
        )

    return of


@pytest.fixture
def laptop(enter: Enter, terminal: Callable[[Person], Terminal], quick_keys: None) -> Terminal:
    """Ada's first device."""
    return terminal(enter("ada"))


@pytest.fixture
def phone(
    laptop: Terminal,
    terminal: Callable[[Person], Terminal],
    suite: Suite,
    backing: Backing,
    tmp_path: Path,
) -> Iterator[Terminal]:
    """Ada's second device, signed in by the command; its profile is sealed more quickly than the command would."""
    around = Surroundings(cost=Cost(memory=8, passes=1))
    with ExitStack() as stack:
        person = Person("phone", laptop.person.address, home=tmp_path, surroundings=around)
        stack.callback(person.close)
        mails = call("GET", f"{backing.mailbox}/messages.json?to={quote(person.address)}").json
        person.sign_up(suite.url)
        device = terminal(person)
        link = mailed_link(backing.mailbox, person.address, after=max(mail["number"] for mail in mails))
        out, err = device.run("sign-in", "-", stdin=link)
        assert "(pending)" in out
        assert "sealpost --profile phone link" in err
        yield device


@pytest.fixture
def bob(enter: Enter, quick_keys: None) -> Person:
    return enter("bob")


def texts(person: Person) -> list[str]:
    items = person.do(lambda account: account.inbox())
    return [item.text for item in items if isinstance(item, Message)]


def test_both_devices_read_until_one_is_removed(laptop: Terminal, phone: Terminal, bob: Person) -> None:
    ada = laptop.person.address
    with phone.start("link") as linking:
        assert linking.stdout
        secret = linking.stdout.readline()
        approved = laptop.run("approve", "-", stdin=secret)[1]
        assert "everything that you will receive" in approved
        out, err = linking.communicate(timeout=PATIENCE)
    assert linking.returncode == 0, err
    assert "(active)" in out

    bob.send(ada, "for both")
    assert "for both" in laptop.run("inbox")[0]
    assert "for both" in phone.run("inbox")[0]
    phone.run("send", bob.address, "from the phone")
    assert texts(bob) == ["from the phone"]

    (removed,) = re.findall("Device (.{8}) is linked", approved)
    laptop.run("revoke", "--", removed)
    bob.send(ada, "for one")
    assert "for one" in laptop.run("inbox")[0]
    out, err = phone.run("inbox", status=ExitStatus.NOT_SIGNED_IN)
    assert "for one" not in out
    first, second = laptop.run("devices")[0].splitlines()
    assert first.endswith("(this one)")
    assert second.startswith(removed)
    assert "  removed " in second


def test_a_reset_waits_for_a_device_in_use_and_not_for_a_lost_one(
    laptop: Terminal, phone: Terminal, bob: Person, suite: Suite, backing: Backing
) -> None:
    ada = laptop.person.address
    laptop.run("send", bob.address, "before")
    assert texts(bob) == ["before"]

    err = phone.run("reset", "--yes", status=ExitStatus.REFUSED)[1]
    assert "can veto it" in err
    assert "wants to reset the account" in laptop.run("inbox")[1]
    laptop.run("veto")

    connection = backing.postgres.connect(suite.database)
    connection.run("update sessions set seen_at = seen_at - interval '8 days'")
    connection.close()
    out, _ = phone.run("reset", "--yes")
    assert "(active)" in out

    bob.send(ada, "after")
    assert "after" in phone.run("inbox")[0]
    assert "after" not in laptop.run("inbox", status=ExitStatus.NOT_SIGNED_IN)[0]
