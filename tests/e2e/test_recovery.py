"""A person loses every device: the recovery code brings back what they had, and a service that lies brings nothing."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from scripts.local.people import Person, mailed_link
from scripts.local.stack import Backing, Suite
from scripts.local.web import call
from sealpost.account import Account, Surroundings
from sealpost.errors import Locked, SealpostError, Unsafe
from sealpost.items import Message
from sealpost.protocol import acts, encoding, key_backup
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.protocol.statements import Backup
from sealpost.vault import Cost
from tests.client.stored import stored
from tests.e2e.device import new_key

Enter = Callable[[str], Person]

_LATER = 1.6
"""A reset is dated in whole seconds by a clock that is known to half a second; what was sent later counts as refused."""


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of known primes: to search for new ones takes longer than all the rest."""

    def generate(use: Use) -> PrivateKey:
        made = new_key()
        numbers = made.private.private_numbers()
        secret = {
            "d": numbers.d,
            "p": numbers.p,
            "q": numbers.q,
            "dp": numbers.dmp1,
            "dq": numbers.dmq1,
            "qi": numbers.iqmp,
        }
        public = made.jwk(use.algorithm, use.value)
        members = {
            name: encoding.b64encode(value.to_bytes((value.bit_length() + 7) // 8))
            for name, value in secret.items()
        }
        return PrivateKey.parse(public | members)

    monkeypatch.setattr(PrivateKey, "generate", generate)


class Ground:
    """The service's own database, which its operator may change, and a new device for a person."""

    def __init__(self, suite: Suite, backing: Backing, home: Path) -> None:
        self._suite = suite
        self._backing = backing
        self._home = home
        self.entered: list[Person] = []

    def run(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        connection = self._backing.postgres.connect(self._suite.database)
        try:
            rows: list[tuple[object, ...]] = connection.run(sql, **values)
            return rows
        finally:
            connection.close()

    def new_device(self, person: Person) -> Person:
        """Signed in and pending; the person's other devices were not seen for long."""
        self.run("delete from rate_limits")
        uid = person.do(lambda account: account.whoami().uid)
        self.run("update sessions set seen_at = now() - interval '8 days' where uid = :uid", uid=uid)
        mails = call("GET", f"{self._backing.mailbox}/messages.json?to={quote(person.address)}").json
        new = Person(
            f"{person.name}-2",
            person.address,
            home=self._home,
            surroundings=Surroundings(cost=Cost(memory=8, passes=1)),
        )
        self.entered.append(new)
        new.sign_up(self._suite.url)
        newest = max(mail["number"] for mail in mails)
        new.sign_in(mailed_link(self._backing.mailbox, person.address, after=newest))
        return new


@pytest.fixture
def ground(suite: Suite, backing: Backing, tmp_path: Path) -> Iterator[Ground]:
    made = Ground(suite, backing, tmp_path)
    yield made
    for person in made.entered:
        person.close()


def history_on(account: Account) -> str:
    shown: list[str] = []
    account.history_key.turn_on(code=str, show=shown.append)
    return shown[0]


def kept(account: Account) -> list[tuple[str, bool]]:
    return [(item.text, item.outgoing) for item in account.history() if isinstance(item, Message)]


def refused(person: Person, code: str) -> tuple[type[SealpostError], str]:
    """How a restore is refused, which must leave everything as it was."""

    def restore(account: Account) -> SealpostError:
        account.history_key.status()
        before = stored(account)
        with pytest.raises(SealpostError) as raised:
            account.recovery.recover(lambda: code)
        assert stored(account) == before
        return raised.value

    error = person.do(restore)
    return type(error), error.code


def test_what_was_lost_comes_back(enter: Enter, ground: Ground) -> None:
    alice, bob = enter("alice"), enter("bob")
    code = alice.do(history_on)
    bob.send(alice.address, "one")
    bob.send(alice.address, "two")
    alice.do(lambda account: account.inbox())
    last = alice.send(bob.address, "three")
    bob.send(alice.address, "never fetched")

    new = ground.new_device(alice)
    time.sleep(max(0.0, last.sent_at.timestamp() + _LATER - time.time()))
    restored = new.do(lambda account: account.recovery.recover(lambda: code, reset=True))

    assert (restored.messages, restored.people) == (4, 0)
    assert new.do(kept) == [("one", False), ("two", False), ("three", True), ("never fetched", False)]
    acts_of = [entry.act for entry in new.do(lambda account: list(account.audit()))]
    assert acts_of[0] == "key-backup-read"
    assert {"reset", "key-backup-saved", "history-key-set"} <= set(acts_of)

    assert not new.do(lambda account: account.history_key.status()).is_on
    new.do(lambda account: account.history_key.turn_on(code=lambda: code, show=pytest.fail))
    new.send(bob.address, "I am back")
    texts = [item.text for item in bob.do(lambda account: account.inbox()) if isinstance(item, Message)]
    assert texts == ["three", "I am back"]


def test_nothing_else_is_taken(enter: Enter, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator shows other backups than the announced one; a device out of its mind announces an absurd one."""
    alice, bob = enter("alice"), enter("bob")
    code = alice.do(history_on)
    alice.do(lambda account: account.history_key.turn_on(code=lambda: code, show=pytest.fail))
    bob.send(alice.address, "one")
    uid = alice.do(lambda account: account.whoami().uid)
    (first,), (second,) = ground.run("select backup from key_backups where uid = :uid order by n", uid=uid)
    assert isinstance(first, str)
    assert isinstance(second, str)

    assert refused(alice, "0000-0000-0000-0000-0000-0000") == (Locked, "backup-unreadable")
    for text in (first, second[:-20], second.replace('"tag":"', '"tag":"A', 1)):
        _show(ground, uid, 2, text)
        assert refused(alice, code) == (Unsafe, "backup-stale")
    _show(ground, uid, 2, second)
    assert alice.do(lambda account: account.recovery.recover(lambda: code)).messages == 0
    assert [item.text for item in alice.do(lambda account: account.inbox()) if isinstance(item, Message)] == [
        "one"
    ]

    absurd = _with_header(second, n=3, m=2**31)
    alice.do(lambda account: _announce(account, ground, absurd))
    monkeypatch.setattr(key_backup, "_derive", lambda *_: pytest.fail("a key was derived"))
    assert refused(alice, code) == (Unsafe, "malformed")


def _show(ground: Ground, uid: str | None, n: int, text: str) -> None:
    ground.run("update key_backups set backup = :text where uid = :uid and n = :n", text=text, uid=uid, n=n)


def _with_header(text: str, **changed: int) -> str:
    jwe = json.loads(text)
    header = json.loads(encoding.b64decode(jwe["protected"])) | changed
    jwe["protected"] = encoding.b64encode(encoding.compact_json(header).encode())
    return encoding.compact_json(jwe)


def _announce(account: Account, ground: Ground, text: str) -> None:
    """The third backup: one that an honest service would not store."""
    digest = key_backup.digest(text)
    ground.run(
        "insert into key_backups (uid, n, hash, backup, stored_at) values (:uid, 3, :hash, :text, now())",
        uid=account.whoami().uid,
        hash=digest,
        text=text,
    )
    account.own_chain.publish(
        lambda chain: acts.set_history_key(
            chain,
            chain.history.key if chain.history else None,
            Backup(3, digest),
            account._device.key,
            int(account.service.now()),
        )
    )
