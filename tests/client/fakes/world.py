"""One service and the profiles on it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sealpost.account import Account, Surroundings
from sealpost.changes import Change
from sealpost.folders import ProfileFolder
from sealpost.items import Item, Message
from sealpost.protocol import chain, encryption_keys
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.service import Wall
from sealpost.vault import Cost
from tests.client.fakes.mailbox import FakeMailbox
from tests.client.fakes.service import FakeService
from tests.client.fakes.wire import CODE, URL

PASSPHRASE = "correct horse battery"
CHEAP = Cost(memory=8, passes=1)


class StillWall(Wall):
    """Real time that a test can move; sleeping is only written down. `meanwhile` happens while somebody sleeps."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.meanwhile: Callable[[], object] = lambda: None
        self.slept: list[float] = []

    def time(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.meanwhile()


@dataclass
class World:
    """One service and the profiles on it."""

    home: Path
    service: FakeService = field(default_factory=FakeService)
    wall: StillWall = field(default_factory=StillWall)
    warnings: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    mailboxes: dict[str, FakeMailbox] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.service.wall = self.wall

    def around(self, name: str) -> Surroundings:
        """NAME-2 is the profile of a person's second device."""
        email = f"{name.removesuffix('-2')}@example.org"
        mailbox = self.mailboxes.setdefault(name, FakeMailbox(self.service, email, self.wall))
        return Surroundings(
            transport=self.service.transport(),
            identity=self.service.identity(),
            mailbox=mailbox.open,
            wall=self.wall,
            on_warning=self.warnings.append,
            on_alarm=lambda alarm: self.alarms.append(alarm.code),
            cost=CHEAP,
        )

    def folder(self, name: str) -> ProfileFolder:
        return ProfileFolder(self.home, name)

    def person(self, name: str) -> Account:
        """Signs up and in as NAME@example.org; NAME-2 is a second device, which is pending."""
        account = Account.sign_up(
            f"{name.removesuffix('-2')}@example.org",
            service=URL,
            folder=self.folder(name),
            new_passphrase=lambda: PASSPHRASE,
            passphrase=lambda: PASSPHRASE,
            surroundings=self.around(name),
        )
        account.sign_in(CODE)
        return account

    def reopened(self, name: str) -> Account:
        """The profile as another process sees it."""
        return Account.open(self.folder(name), passphrase=lambda: PASSPHRASE, surroundings=self.around(name))


def texts(account: Account) -> list[str]:
    """The new messages' texts, the codes of refused ones, the acts of changes."""
    return [shown(item) for item in account.inbox()]


def shown(item: Item) -> str:
    match item:
        case Message():
            return item.text
        case Change():
            return item.act.value
    return item.code


def replace_keys(world: World, name: str) -> None:
    """What a service does that wants to read: other keys under the same uid."""
    account = world.service.accounts[f"{name}@example.org"]
    key, now = PrivateKey.generate(Use.SIGNING), int(world.wall.time())
    account["statements"] = [chain.first_statement(uid=account["uid"], key=key, now=now)]
    account["key"] = encryption_keys.key_statement(
        uid=account["uid"],
        signing_key=key,
        encryption_key=PrivateKey.generate(Use.ENCRYPTION).public,
        n=1,
        now=now,
    )
