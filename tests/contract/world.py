"""The stores of all rooms over one state, in memory or real, and people who use them."""

import json
import secrets
from dataclasses import replace
from hashlib import sha256
from typing import Any, Protocol

from common.conversations.model import Creation
from common.conversations.ports import ConversationStore, LiveConversations
from common.conversations.statements import direct_id, self_id
from common.directory.ports import DirectoryStore, VisibilityStore
from common.identity import Caller, Head
from common.jose import base64url
from common.keys.encryption_keys import stored_encryption_key
from common.keys.model import AddedDevice, EncryptionKey, FirstDevice, Link, Pop
from common.keys.ports import ChainStore, LinkStore
from common.messages.ports import MessageLog
from common.sessions.model import StoredSession
from common.sessions.ports import LiveSessions, SessionStore
from common.storage.firestore.client import FirestoreClient
from common.storage.firestore.conversations import FirestoreConversations
from common.storage.firestore.messages import FirestoreMessages
from common.storage.firestore.sessions import FirestoreSessions
from common.storage.postgres.chains import PostgresChains
from common.storage.postgres.conversations import PostgresConversations
from common.storage.postgres.directory import PostgresDirectory
from common.storage.postgres.discovery import PostgresVisibility
from common.storage.postgres.links import PostgresLinks
from common.storage.postgres.pool import Pool
from common.storage.postgres.sessions import PostgresSessions
from tests.fakes.conversations import FakeConversationStore, FakeLiveConversations
from tests.fakes.directory import FakeDirectoryStore
from tests.fakes.keys import FakeChainStore, FakeLinkStore
from tests.fakes.messages import FakeMessageLog
from tests.fakes.sessions import FakeLiveSessions, FakeSessionStore

NOW = 1_800_000_000.0
DAY = 86_400


def thumbprint() -> str:
    return base64url(secrets.token_bytes(32))


def new_uid() -> str:
    return f"u{secrets.token_hex(8)}"


def new_session(uid: str | None = None, device: str | None = None) -> StoredSession:
    return StoredSession(
        id=secrets.token_urlsafe(16),
        uid=uid or new_uid(),
        device=device or thumbprint(),
        refresh_hash=thumbprint(),
        expires_at=NOW + 45 * DAY,
    )


def caller_of(session: StoredSession) -> Caller:
    return Caller(uid=session.uid, session=session.id, device=session.device)


def modulus_of(device: str) -> str:
    return (device * 12)[:512]


def statement(caller: Caller, seq: int, prev: str | None, issued_at: int = int(NOW)) -> dict[str, Any]:
    """What statements of all acts have. The store reads nothing of the text but when it was issued."""
    payload = base64url(f'{{"iat":{issued_at},"x":"{secrets.token_hex(100)}"}}'.encode())
    return {
        "uid": caller.uid,
        "signer": caller.device,
        "seq": seq,
        "prev": prev,
        "issued_at": issued_at,
        "hash": thumbprint(),
        "compact": f"chain.{payload}.x",
    }


def first_device(caller: Caller) -> FirstDevice:
    return FirstDevice(**statement(caller, 0, None))


def after(caller: Caller, head: Head, **changed: int) -> dict[str, Any]:
    """What a statement of the caller that follows the head has, whatever it does."""
    return statement(caller, head.seq + 1, head.hash, **changed)


def encryption_key(caller: Caller, n: int = 1, *, days: int = 30) -> EncryptionKey:
    return EncryptionKey(
        uid=caller.uid,
        device=caller.device,
        n=n,
        kid=thumbprint(),
        issued_at=int(NOW),
        expires_at=int(NOW) + days * DAY,
        compact=f"key.{n}.{secrets.token_hex(200)}",
    )


def creation(one: Caller, other: Caller, head: tuple[int, str]) -> Creation:
    """Of a conversation of two, or with oneself."""
    members = tuple(sorted({one.uid, other.uid}))
    alone = len(members) == 1
    return Creation(
        id=self_id(*members) if alone else direct_id(*members),
        hash=thumbprint(),
        kind="self" if alone else "direct",
        members=members,
        creator=one.uid,
        device=one.device,
        issued_at=int(NOW),
        creator_head=head,
        compact=f"conversation.{secrets.token_hex(100)}.x",
    )


def asked(caller: Caller, head: Head) -> tuple[Link, Pop, EncryptionKey]:
    """A request of the caller's device to be linked to the chain with this head."""
    payload = {
        "iss": caller.uid,
        "device": caller.device,
        "n": 1,
        "iat": int(NOW),
        "exp": int(NOW) + 30 * DAY,
        "keys": [{"kid": thumbprint()}],
    }
    key = stored_encryption_key(f"key.{base64url(json.dumps(payload).encode())}.x")
    compact = f"pop.{secrets.token_hex(100)}.x"
    pop = Pop(
        device=caller.device,
        modulus=modulus_of(caller.device),
        audience="",
        root=head.root,
        encryption_key=thumbprint(),
        compact=compact,
    )
    link = Link(
        device=caller.device,
        pop=compact,
        encryption_key=key.compact,
        mac=thumbprint(),
        expires_at=int(NOW) + 600,
    )
    return link, pop, key


def addition(caller: Caller, pop: Pop, head: Head, now: float = NOW) -> AddedDevice:
    return AddedDevice(**after(caller, head, issued_at=int(now)), pop=pop)


async def link(world: "World", by: Caller, caller: Caller, head: Head, *, now: float = NOW) -> Head:
    """Link the caller's device; nothing of the request is left that would keep the next one waiting."""
    request, pop, key = asked(caller, head)
    await world.links.request(caller, replace(request, expires_at=int(now) + 1), pop, key, now)
    statement = addition(by, pop, head, now)
    return await world.links.grant(by, statement, thumbprint(), now, until=int(now) - 1)


class World(Protocol):
    @property
    def sessions(self) -> SessionStore: ...
    @property
    def chains(self) -> ChainStore: ...
    @property
    def links(self) -> LinkStore: ...
    @property
    def directory(self) -> DirectoryStore: ...
    @property
    def visibility(self) -> VisibilityStore: ...
    @property
    def conversations(self) -> ConversationStore: ...
    @property
    def live_sessions(self) -> LiveSessions: ...
    @property
    def live_conversations(self) -> LiveConversations: ...
    @property
    def log(self) -> MessageLog: ...

    async def join(
        self, session: StoredSession | None = None, *, index: bytes | None = None, now: float = NOW
    ) -> Caller:
        """Open a session, of a new account on a new device unless it says otherwise; a new device is pending."""

    async def publish(self, caller: Caller) -> tuple[FirstDevice, EncryptionKey]:
        """Begin the caller's chain, with its first encryption key."""

    async def talk(self, one: Caller, other: Caller, head: tuple[int, str]) -> Creation:
        """Create their conversation."""


class FakeWorld:
    def __init__(self) -> None:
        self.sessions = FakeSessionStore()
        self.chains = FakeChainStore(self.sessions)
        self.links = FakeLinkStore(self.chains)
        self.directory = FakeDirectoryStore(self.chains)
        self.visibility = self.directory
        self.conversations = FakeConversationStore(closed=self.directory.closed)
        self.live_sessions = FakeLiveSessions()
        self.live_conversations = FakeLiveConversations()
        self.log = FakeMessageLog()

    async def join(
        self, session: StoredSession | None = None, *, index: bytes | None = None, now: float = NOW
    ) -> Caller:
        session = session or new_session()
        index = index or sha256(session.uid.encode()).digest()
        modulus = modulus_of(session.device)
        await self.sessions.keep_account(index, uid=session.uid, now=now)
        await self.sessions.open(session, modulus=modulus, now=now)
        self.directory.addresses[index] = session.uid
        return caller_of(session)

    async def publish(self, caller: Caller) -> tuple[FirstDevice, EncryptionKey]:
        first, key = first_device(caller), encryption_key(caller)
        head = (await self.chains.publish(caller, first, key, NOW)).head
        self.conversations.heads[caller.uid] = (head.seq, head.hash)
        return first, key

    async def talk(self, one: Caller, other: Caller, head: tuple[int, str]) -> Creation:
        made = creation(one, other, head)
        started = await self.conversations.create(made, one.uid, NOW)
        self.directory.conversations[made.id] = (frozenset(made.members), started.statements)
        return replace(made, compact=started.statements[0])


class RealWorld:
    def __init__(self, pool: Pool, firestore: FirestoreClient) -> None:
        self.sessions = PostgresSessions(pool)
        self.chains = PostgresChains(pool)
        self.links = PostgresLinks(pool)
        self.directory = PostgresDirectory(pool)
        self.visibility = PostgresVisibility(pool)
        self.conversations = PostgresConversations(pool)
        self.live_sessions = FirestoreSessions(firestore)
        self.live_conversations = FirestoreConversations(firestore)
        self.log = FirestoreMessages(firestore)

    async def join(
        self, session: StoredSession | None = None, *, index: bytes | None = None, now: float = NOW
    ) -> Caller:
        session = session or new_session()
        index = index or sha256(session.uid.encode()).digest()
        await self.sessions.keep_account(index, uid=session.uid, now=now)
        await self.sessions.open(session, modulus=modulus_of(session.device), now=now)
        return caller_of(session)

    async def publish(self, caller: Caller) -> tuple[FirstDevice, EncryptionKey]:
        first, key = first_device(caller), encryption_key(caller)
        await self.chains.publish(caller, first, key, NOW)
        return first, key

    async def talk(self, one: Caller, other: Caller, head: tuple[int, str]) -> Creation:
        made = creation(one, other, head)
        started = await self.conversations.create(made, one.uid, NOW)
        return replace(made, compact=started.statements[0])
