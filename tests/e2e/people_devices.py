"""The devices of a few people on the real suite, each a real client. Every act answers as `people_model.Model`'s does."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pg8000.native

from scripts.local.stack import Suite
from sealpost.account import Account, Surroundings
from sealpost.changes import Act
from sealpost.errors import SealpostError
from sealpost.folders import ProfileFolder
from sealpost.items import Item, Message, Refused
from sealpost.joining import Request
from sealpost.protocol import bounds
from sealpost.protocol.errors import NOTICES
from sealpost.state import Kind
from tests.e2e.device import Service, new_address, new_key, problem
from tests.e2e.people_model import OK, Shown
from tests.e2e.people_state import Facts
from tests.e2e.victims import CHEAP, DAY, PASSPHRASE, AheadWall, claims
from tests.signing import b64

_LABELS = {Act.DEVICE_ADDED: "added", Act.DEVICE_REMOVED: "removed", Act.RESET: "reset"}
_NOTICES = {sentence: notice.value for notice, sentence in NOTICES.items()}
_SHORT_LIFE = 3600
_MADE_UP = "0000-0000-0000-0000"


def known_primes(_use: str) -> dict[str, str]:
    """In place of jose.generate, which searches for new ones."""
    key = new_key()
    private = key.private.private_numbers()
    secret = {
        "d": private.d,
        "p": private.p,
        "q": private.q,
        "dp": private.dmp1,
        "dq": private.dmq1,
        "qi": private.iqmp,
    }
    return {"n": key.n} | {
        name: b64(number.to_bytes((number.bit_length() + 7) // 8)) for name, number in secret.items()
    }


class Line(httpx.BaseTransport):
    """A device's way to the service: lets others act before a call goes out, and notes what the service took."""

    def __init__(self, wire: httpx.BaseTransport, name: str, facts: Facts, met: Counter[str]) -> None:
        self._wire = wire
        self._met = met
        self._name = name
        self._facts = facts
        self.before: dict[str, Callable[[], None]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        function = request.url.path.rpartition("/")[2]
        self.before.pop(function, lambda: None)()
        got = self._wire.handle_request(request)
        got.read()
        if got.status_code == httpx.codes.OK:
            self._note(function, json.loads(request.content), got.json())
        elif got.status_code == httpx.codes.CONFLICT:
            self._met[f"problem: {problem(got)[1]}"] += 1
        headers = {name: got.headers[name] for name in ("content-type", "date") if name in got.headers}
        return httpx.Response(got.status_code, headers=headers, content=got.content)

    def close(self) -> None:
        """The wire is everybody's."""

    def _note(self, function: str, asked: Any, answer: Any) -> None:
        match function:
            case "send_message":
                at = time_of(answer["sent_at"])
                self._facts.sent.append(at)
            case "publish_key" | "grant_link" if asked["statement"] is not None:
                self._facts.signed.append(claims(asked["statement"])["iat"])
            case "create_session" | "refresh_session":
                self._facts.renewed.add(self._name)
                self._facts.seen.add(self._name)


def time_of(sent_at: str) -> int:
    """Milliseconds, cut."""
    return (datetime.fromisoformat(sent_at).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


@dataclass(slots=True)
class Phone:
    account: Account
    wall: AheadWall
    line: Line
    secret: str = _MADE_UP

    @property
    def id(self) -> str:
        return self.account._device.key.kid

    @contextmanager
    def ahead(self, seconds: float) -> Iterator[None]:
        """Time passes for this device alone, which learns from the service that it is its clock."""
        now, offset = self.wall.ahead, self.account.service.offset
        self.wall.ahead = now + seconds
        try:
            self.account._session.renew()
            yield
        finally:
            self.wall.ahead, self.account.service.offset = now, offset


class _Waits(Exception):
    """The new device shows its secret."""


@dataclass(slots=True)
class Real:
    """`home` is a folder for the profiles; `facts` are told to the model."""

    suite: Suite
    service: Service
    sql: pg8000.native.Connection
    wire: httpx.BaseTransport
    home: Path
    facts: Facts
    met: Counter[str]
    """What the service refuses is counted here."""
    phones: dict[str, Phone] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    """The person of each device."""
    addresses: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    hours: int = 0
    """That have passed for all clocks but the service's."""

    def begin(self, name: str, person: str) -> str:
        self.addresses[person] = new_address(person)
        return self.sign_in(name, person)

    def sign_in(self, name: str, person: str) -> str:
        if name not in self.phones:
            self.phones[name] = self._phone(name, self.addresses[person])
            self.people[name] = person
        self.sql.run("delete from rate_limits")
        code = self.service.link_code(self.addresses[person])
        account = self.phones[name].account
        answer = _answer(lambda: account.sign_in(code))
        self.uids.setdefault(person, account._uid)
        return answer

    def dawdle(self, name: str) -> str:
        self._shift("sessions", "created_at", 301, f"device = '{self.phones[name].id}'")
        return OK

    def ask(self, name: str) -> str:
        phone = self.phones[name]

        def show(request: Request) -> None:
            phone.secret = str(request)
            raise _Waits

        try:
            phone.account.devices.link(show)
        except _Waits:
            return "asked"
        except SealpostError as error:
            return error.code
        return "linked"

    def forget_request(self, person: str) -> str:
        self._shift("link_requests", "expires_at", 601, self._of(person))
        return OK

    def approve(self, name: str, new: str, secret: str) -> str:
        right = self.phones[new].secret
        typed = {
            "right": right,
            "carelessly": right.lower().replace("-", " ").replace("1", "i").replace("0", "o"),
            "wrong": right[:-1] + ("X" if right[-1] != "X" else "Y"),
            "mistyped": right[:-1],
        }
        return _answer(lambda: self.phones[name].account.devices.approve(typed[secret]))

    def revoke(self, name: str, other: str) -> str:
        prefix = self.phones[other].id
        return _answer(lambda: self.phones[name].account.devices.revoke(prefix, even_this=name == other))

    def reset(self, name: str, others: str) -> str:
        person = self.people[name]
        where = f"{self._of(person)} and device <> '{self.phones[name].id}'"
        week = 8 * DAY if others == "unseen" else 0
        self._shift("sessions", "seen_at", week, where)
        if week:
            self.facts.seen.clear()
        try:
            return _answer(self.phones[name].account.devices.reset)
        finally:
            self._shift(
                "sessions", "seen_at", -week, f"{where} and seen_at < now() - interval '{week} seconds'"
            )

    def let_wish_be_due(self, person: str) -> str:
        for column in ("requested_at", "due_at"):
            self._shift("reset_requests", column, DAY + 1, self._of(person))
        return OK

    def veto(self, name: str) -> str:
        return _answer(self.phones[name].account.devices.veto)

    def look(self, name: str) -> str:
        account = self.phones[name].account

        def wish() -> str:
            account._session.renew()
            pending = account.devices.pending_reset()
            return OK if pending is None else f"wish of {self._name(pending.device)}"

        return _said(wish)

    def verify(self, name: str, other: str) -> str:
        account, address = self.phones[name].account, self.addresses[other]

        def compare() -> None:
            account.safety_number(address)
            account.mark_verified(address)

        return _answer(compare)

    def accept(self, name: str, other: str) -> str:
        return _answer(lambda: self.phones[name].account.accept(self.addresses[other]))

    def send(self, name: str, other: str, text: str) -> str:
        account = self.phones[name].account

        def sending() -> str:
            receipt = account.send(self.addresses[other], text)
            return f"sent{' to the verified' * receipt.verified}{' to the renewed' * receipt.renewed}"

        return _said(sending)

    def lose_key(self, name: str) -> str:
        phone, uid = self.phones[name], self.uids[self.people[name]]

        def go_off() -> None:
            phone.account._session.renew()
            with mock.patch.object(bounds, "MAX_KEY_LIFE", _SHORT_LIFE):
                phone.account._device._publish_next_key()
            for other in self.phones.values():
                if other is not phone and other.account._contacts.pinned(uid) is not None:
                    _answer(partial(other.account._contacts.find, uids=[uid]))
            for column in ("issued_at", "expires_at"):
                self._shift("encryption_keys", column, _SHORT_LIFE + 1, f"device = '{phone.id}' and current")
            self.hours += 1
            for one in self.phones.values():
                one.wall.ahead += _SHORT_LIFE

        return _answer(go_off)

    def renew_key(self, name: str) -> str:
        phone = self.phones[name]

        def eight_days_later() -> None:
            with phone.ahead(8 * DAY):
                phone.account._device.publish()

        return _answer(eight_days_later)

    def read(self, name: str) -> str | list[Shown]:
        try:
            return self._shown(self.phones[name].account.inbox())
        except SealpostError as error:
            return error.code

    def read_later(self, name: str) -> str | list[Shown]:
        """Two days later, when the keys that have ended go."""
        phone = self.phones[name]
        try:
            with phone.ahead(2 * DAY):
                shown = self._shown(phone.account.inbox())
        except SealpostError as error:
            return error.code
        assert len(phone.account._device.receiving_keys()) == 1, "an ended key is kept"
        return shown

    def kept(self, name: str) -> list[str]:
        """The texts in a device's history."""
        return [item.text for item in self.phones[name].account.history() if isinstance(item, Message)]

    def chain(self, person: str) -> list[tuple[str, str, str]]:
        """The statements that the service stores: act, device, signer."""
        rows = self.sql.run(
            "select statement from statements where uid = :uid order by seq", uid=self.uids[person]
        )
        return [self._statement(claims(row[0]), header(row[0])["kid"]) for row in rows]

    def close(self) -> None:
        for phone in self.phones.values():
            phone.account.close()

    def _statement(self, payload: dict[str, Any], signer: str) -> tuple[str, str, str]:
        act = {"add-device": "added", "revoke-device": "removed", "reset": "reset"}[payload["act"]]
        device = payload["device"]
        return act, self._name(device if isinstance(device, str) else device["kid"]), self._name(signer)

    def _phone(self, name: str, address: str) -> Phone:
        wall, line = AheadWall(), Line(self.wire, name, self.facts, self.met)
        wall.ahead = self.hours * _SHORT_LIFE
        around = Surroundings(transport=line, identity=Shared(self.wire), wall=wall, cost=CHEAP)
        folder = ProfileFolder(self.home, name.replace("'", "x"))
        profile = {"service": self.suite.url, "email": address, "uid": None}
        state = folder.state.create(PASSPHRASE, cost=CHEAP, documents={Kind.PROFILE: profile})
        return Phone(Account(state, surroundings=around), wall, line)

    def _shown(self, items: list[Item]) -> list[Shown]:
        shown, changes = list[Shown](), list[Shown]()
        for item in items:
            peer = self._person(item.peer)
            if isinstance(item, Message):
                assert item.address == self.addresses[peer] or (item.outgoing and item.address is None)
                notices = tuple(_NOTICES[notice] for notice in item.notices)
                shown.append((item.text, peer, item.outgoing, item.verified, notices))
            elif isinstance(item, Refused):
                shown.append(("refused", peer, item.code))
            else:
                changes.append(
                    ("change", peer, _LABELS[item.act], self._name(item.device or ""), self._name(item.by))
                )
        return shown + sorted(changes)

    def _name(self, device: str) -> str:
        return next(name for name, phone in self.phones.items() if phone.id == device)

    def _person(self, uid: str) -> str:
        return next(person for person, known in self.uids.items() if known == uid)

    def _of(self, person: str) -> str:
        return f"uid = '{self.uids[person]}'"

    def _shift(self, table: str, column: str, seconds: int, where: str) -> None:
        """So much time passes for these rows."""
        if seconds:
            earlier = f"{column} = {column} - interval '{seconds} seconds'"
            self.sql.run(f"update {table} set {earlier} where {where}")  # noqa: S608 - names of this file


class Shared(httpx.BaseTransport):
    def __init__(self, wire: httpx.BaseTransport) -> None:
        self._wire = wire

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._wire.handle_request(request)

    def close(self) -> None:
        """The wire is everybody's."""


def header(compact: str) -> dict[str, Any]:
    return claims(f".{compact.partition('.')[0]}.")


def _answer(job: Callable[[], object]) -> str:
    try:
        job()
    except SealpostError as error:
        return error.code
    return OK


def _said(job: Callable[[], str]) -> str:
    try:
        return job()
    except SealpostError as error:
        return error.code
