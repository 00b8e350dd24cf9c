"""A service and a Firestore in memory, as far as the client uses them.

Real keys, statements and envelopes go through them; what they check is the tests' business, not theirs.
"""

import json
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from sealpost.account import Account, Surroundings
from sealpost.errors import SealpostError
from sealpost.folders import ProfileFolder
from sealpost.mailbox import PAGE, MessageDocument
from sealpost.protocol import chain, encoding, encryption_keys
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.receiving import Message
from sealpost.service import Wall
from sealpost.vault import Cost

URL = "https://sealpost.example"
CODE = "code-code-code-code"
PASSPHRASE = "correct horse battery"
CHEAP = Cost(memory=8, passes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Json = dict[str, Any]


class StillWall(Wall):
    """Real time that a test can move; sleeping is only written down."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def claims(compact: str) -> Json:
    """The payload of a JWS, unchecked."""
    payload: Json = json.loads(encoding.b64decode(compact.split(".")[1]))
    return payload


def problem(status: int, code: str, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    document = {
        "type": f"urn:sealpost:problem:{code}",
        "title": code,
        "status": status,
        "request_id": "r1",
    } | members
    return httpx.Response(
        status, json=document, headers={"Content-Type": "application/problem+json"} | (headers or {})
    )


@dataclass
class FakeService:
    """Accounts, keys, conversations and messages. `calls` lists every request; `before` may answer in its place."""

    accounts: dict[str, Json] = field(default_factory=dict)
    conversations: dict[str, list[str]] = field(default_factory=dict)
    documents: list[MessageDocument] = field(default_factory=list)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    before: dict[str, Callable[[Json], httpx.Response | None]] = field(default_factory=dict)
    lose: dict[str, int] = field(default_factory=dict)
    """How many answers of a function get lost after the service has done its work."""
    listeners: list["FakeListening"] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def identity(self) -> httpx.MockTransport:
        """Identity Toolkit: an ID token of an hour for a custom token."""

        def sign_in(request: httpx.Request) -> httpx.Response:
            token = json.loads(request.content)["token"]
            return httpx.Response(200, json={"idToken": f"id for {token}", "expiresIn": "3600"})

        return httpx.MockTransport(sign_in)

    def called(self, function: str) -> list[Json]:
        return [body for name, body in self.calls if name == function]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        function = request.url.path.removeprefix("/v1/")
        body = json.loads(request.content)
        self.calls.append((function, body))
        answer = self.before[function](body) if function in self.before else None
        if answer is None:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            answer = getattr(self, function)(body, token)
        if self.lose.get(function, 0):
            self.lose[function] -= 1
            raise httpx.ReadError("the connection broke")
        assert isinstance(answer, httpx.Response)
        return answer

    def sign_up(self, body: Json, _token: str) -> httpx.Response:
        self.accounts.setdefault(
            body["email"], {"uid": f"uid{len(self.accounts)}", "statements": [], "key": None}
        )
        return httpx.Response(202, json={})

    def create_session(self, body: Json, _token: str) -> httpx.Response:
        return self._tokens(self.accounts[body["email"]], body["email"], session_id="sid")

    def refresh_session(self, body: Json, _token: str) -> httpx.Response:
        email = body["refresh_token"].split(" ")[1]
        return self._tokens(self.accounts[email], email, session_id="sid")

    def _tokens(self, account: Json, email: str, *, session_id: str) -> httpx.Response:
        count = len(self.calls)
        return httpx.Response(
            200,
            json={
                "uid": account["uid"],
                "session_id": session_id,
                "device": {"id": "d", "state": "active" if account["statements"] else "pending"},
                "head": _head(account),
                "access_token": f"access {email} {count}",
                "expires_in": 900,
                "refresh_token": f"refresh {email} {count}",
                "firebase": {
                    "custom_token": f"custom {count}" if account["statements"] else None,
                    "project": "p",
                    "api_key": "k",
                    "auth_host": None,
                    "firestore_host": None,
                },
            },
        )

    def publish_key(self, body: Json, token: str) -> httpx.Response:
        account = self.accounts[token.split(" ")[1]]
        if body["statement"] is not None:
            if account["statements"] and account["statements"] != [body["statement"]]:
                return problem(409, "chain-conflict", head=_head(account))
            account["statements"] = [body["statement"]]
        account["key"] = body["encryption_key"]
        return httpx.Response(200, json={"head": _head(account), "device": {"id": "d", "state": "active"}})

    def find_keys(self, body: Json, _token: str) -> httpx.Response:
        by_uid = {account["uid"]: account for account in self.accounts.values()}
        found: list[Json | None] = []
        for asked in body["accounts"]:
            account = self.accounts.get(asked["address"]) if asked["address"] else by_uid.get(asked["uid"])
            if account is None or not account["statements"]:
                found.append(None)
                continue
            found.append(
                {
                    "uid": account["uid"],
                    "head": _head(account),
                    "statements": account["statements"][asked["known_seq"] + 1 :],
                    "encryption_keys": [account["key"]],
                }
            )
        shown = [self.conversations.get(asked["id"]) for asked in body["conversations"]]
        return httpx.Response(
            200, json={"accounts": found, "conversations": [one and {"statements": one} for one in shown]}
        )

    def create_conversation(self, body: Json, _token: str) -> httpx.Response:
        cid = claims(body["statement"])["cid"]
        created = cid not in self.conversations
        statements = self.conversations.setdefault(cid, [body["statement"]])
        return httpx.Response(
            200, json={"conversation_id": cid, "statements": statements, "created": created}
        )

    def send_message(self, body: Json, token: str) -> httpx.Response:
        for document in self.documents:
            if document.mid == body["message_id"]:
                if document.envelope != body["envelope"]:
                    return problem(409, "message-conflict")
                return httpx.Response(200, json={"sent_at": _iso(document.sent_at)})
        account = self.accounts[token.split(" ")[1]]
        device = claims(account["statements"][0])["device"]["kid"]
        now = max(int(time.time() * 1_000_000), *(d.sent_at + 1 for d in self.documents), 0)
        document = MessageDocument(
            name=f"projects/p/databases/(default)/documents/conversations/{body['conversation_id']}/messages/{body['message_id']}",
            cid=body["conversation_id"],
            mid=body["message_id"],
            sender_uid=account["uid"],
            sender_device=device,
            sent_at=now,
            expires_at=None,
            envelope=body["envelope"],
        )
        self.add(document)
        return httpx.Response(200, json={"sent_at": _iso(now)})

    def revoke_session(self, _body: Json, _token: str) -> httpx.Response:
        return httpx.Response(204)

    def add(self, document: MessageDocument) -> None:
        self.documents.append(document)
        for listener in self.listeners:
            listener.offer(document)


def _head(account: Json) -> Json | None:
    if not account["statements"]:
        return None
    hashes = [encoding.digest(statement) for statement in account["statements"]]
    return {"uid": account["uid"], "root": hashes[0], "seq": len(hashes) - 1, "hash": hashes[-1]}


def _iso(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


class FakeListening:
    """A listener with a window of PAGE documents sent at `since` or later, as Firestore's has."""

    def __init__(self, documents: list[MessageDocument], since: int) -> None:
        self._queue: queue.SimpleQueue[MessageDocument | SealpostError] = queue.SimpleQueue()
        self._count = 0
        self._since = since
        self.ready = False
        for document in documents:
            self.offer(document)

    @property
    def full(self) -> bool:
        return self._count >= PAGE

    def offer(self, document: MessageDocument) -> None:
        if self._count < PAGE and document.sent_at >= self._since:
            self._count += 1
            self._queue.put(document)

    def fail(self, error: SealpostError) -> None:
        self._queue.put(error)

    def next(self, timeout: float) -> MessageDocument | None:
        try:
            event = self._queue.get(timeout=0 if not self.ready else timeout)
        except queue.Empty:
            self.ready = True
            return None
        if isinstance(event, SealpostError):
            raise event
        return event

    def close(self) -> None:
        self.ready = False


@dataclass
class FakeMailbox:
    """Firestore for whoever opens it. `failures` are raised by the next pages, one each."""

    service: FakeService
    wall: Wall = field(default_factory=Wall)
    failures: list[SealpostError] = field(default_factory=list)
    token_lasts: float = 3600
    opened: int = 0
    pages: int = 0

    def open(self) -> tuple["FakeMailbox", float]:
        self.opened += 1
        return self, self.wall.time() + self.token_lasts

    def page(self, since: int, *, after: MessageDocument | None = None) -> list[MessageDocument]:
        self.pages += 1
        if self.failures:
            raise self.failures.pop(0)
        place = (after.sent_at, after.name) if after else (since, "")
        later = [d for d in self.service.documents if d.sent_at >= since and (d.sent_at, d.name) > place]
        return sorted(later, key=lambda d: (d.sent_at, d.name))[:PAGE]

    def listen(self, since: int) -> FakeListening:
        listening = FakeListening(self.service.documents, since)
        self.service.listeners.append(listening)
        return listening

    def close(self) -> None:
        self.service.listeners.clear()


@dataclass
class World:
    """One service and the profiles on it."""

    home: Path
    service: FakeService = field(default_factory=FakeService)
    wall: StillWall = field(default_factory=StillWall)
    warnings: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    mailboxes: dict[str, FakeMailbox] = field(default_factory=dict)

    def around(self, name: str) -> Surroundings:
        mailbox = self.mailboxes.setdefault(name, FakeMailbox(self.service, self.wall))
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
        """Signs up and in as NAME@example.org."""
        account = Account.sign_up(
            f"{name}@example.org",
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
    """The new messages' texts, and the codes of refused ones."""
    return [item.text if isinstance(item, Message) else item.code for item in account.inbox()]


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
