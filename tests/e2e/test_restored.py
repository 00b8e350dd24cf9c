"""A restore of the relations under real clients: what was acknowledged since the backup is lost, and comes back from them."""

import queue
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from scripts.local.emulators import OWNER
from scripts.local.people import Person, mailed_link
from scripts.local.stack import Backing, Suite
from scripts.local.web import call
from sealpost.account import Surroundings
from sealpost.errors import NotSignedIn, ServiceProblem
from sealpost.items import Message
from sealpost.vault import Cost
from tests.client.devices import state_of
from tests.conftest import enter_as
from tests.e2e.device import ready_keys

_TABLES = """
select relname::text from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence = 'p'
  and relname not in ('migrations', 'restores')
"""


class Backup:
    """All rows as they stand, put back as a restore does (without documents: messages stay where they are)."""

    def __init__(self, backing: Backing, suite: Suite) -> None:
        self._backing, self._suite = backing, suite
        self.point = time.time()
        self._run("create schema backup")
        for table in self._tables():
            self._run(f"create table backup.{table} as table public.{table}")

    def restore(self) -> None:
        for table in self._tables():
            self._run(f"delete from public.{table}")  # noqa: S608 - our own tables
            self._run(
                f"insert into public.{table} overriding system value select * from backup.{table}"  # noqa: S608
            )
        self._run("drop schema backup cascade")
        self._run(
            "insert into restores (backup, point, restored_at)"  # noqa: S608 - a number
            f" values ('2026-11-22', to_timestamp({self.point}), now())"
        )
        self._run("update devices set restored = true where state = 'active'")
        self._run("update sessions set restored = true where revoked_at is null")
        self._end_reading()

    def forget(self) -> None:
        self._run("delete from restores")

    def _end_reading(self) -> None:
        """No session's document is restored."""
        firestore = self._backing.firestore
        for document in firestore.documents(self._suite.project):
            if "/sessions/" in document["name"]:
                assert call("DELETE", f"{firestore.url}/v1/{document['name']}", bearer=OWNER).status == 200

    def _tables(self) -> list[str]:
        return [name for (name,) in self._run(_TABLES)]

    def _run(self, sql: str) -> list[list[str]]:
        connection = self._backing.postgres.connect(self._suite.database)
        try:
            connection.run("set session_replication_role = replica")
            return connection.run(sql) or []
        finally:
            connection.close()


@pytest.fixture
def alarms() -> list[str]:
    return []


@pytest.fixture
def enter(
    suite: Suite, backing: Backing, tmp_path: Path, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Person]:
    ready_keys(monkeypatch)

    def one(name: str) -> Person:
        around = Surroundings(cost=Cost(memory=8, passes=1), on_alarm=lambda alarm: alarms.append(alarm.code))
        return enter_as(name, suite, backing, tmp_path, around)

    return one


def sign_in_again(person: Person, suite: Suite, backing: Backing) -> None:
    mails = call("GET", f"{backing.mailbox}/messages.json?to={quote(person.address)}").json
    person.sign_up(suite.url)
    person.sign_in(mailed_link(backing.mailbox, person.address, after=max(mail["number"] for mail in mails)))


def link(old: Person, new: Person) -> None:
    secrets: queue.SimpleQueue[str] = queue.SimpleQueue()
    linking = new._thread.submit(
        lambda: new.account.devices.link(lambda request: secrets.put(request.secret))
    )
    secret = secrets.get(timeout=30)
    old.do(lambda account: account.devices.approve(secret))
    linking.result(30)


def texts(person: Person) -> list[str]:
    items = person.do(lambda account: account.inbox())
    return [item.text for item in items if isinstance(item, Message) and not item.outgoing]


def test_clients_of_before_go_on_after_a_restore_and_nobody_is_alarmed(
    enter: Callable[[str], Person], suite: Suite, backing: Backing, tmp_path: Path, alarms: list[str]
) -> None:
    ada, bob, dora = enter("ada"), enter("bob"), enter("dora")
    ada.send(bob.address, "before")
    assert texts(bob) == ["before"]
    backup = Backup(backing, suite)

    phone = Person("phone", ada.address, home=tmp_path, surroundings=ada._around)
    sign_in_again(phone, suite, backing)
    link(ada, phone)
    bob.do(lambda account: account._session.renew())
    bob.send(dora.address, "a conversation that will be lost")
    bob.send(ada.address, "to both devices")
    assert texts(ada) == texts(phone) == ["to both devices"]
    assert texts(dora) == ["a conversation that will be lost"]

    backup.restore()
    with pytest.raises(ServiceProblem) as waiting:
        bob.send(ada.address, "after")
    assert waiting.value.code == "restored"
    ada.do(lambda account: account._session.renew())
    (receipt,) = bob.do(lambda account: account.resume())
    assert receipt.to == ada.address
    assert texts(ada) == ["after"]

    with pytest.raises(NotSignedIn):
        phone.do(lambda account: account._session.renew())
    sign_in_again(phone, suite, backing)
    assert phone.do(state_of) == "active"
    assert "after" not in texts(phone)
    bob.send(ada.address, "to both again")
    assert texts(ada) == texts(phone) == ["to both again"]

    dora.do(lambda account: account._session.renew())
    dora.send(bob.address, "we go on")
    assert texts(bob) == ["we go on"]
    bob.send(dora.address, "so we do")
    assert texts(dora) == ["so we do"]
    phone.send(bob.address, "from the phone")
    assert texts(bob) == ["from the phone"]
    assert alarms == []
    backup.forget()
    for person in (ada, bob, dora, phone):
        person.close()
