"""Who a lying service has to do with: Alice, who is honest; Bob, as often as a test needs him; Mallory, who lends her keys."""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from scripts.local.people import mailed_link
from scripts.local.stack import Backing
from sealpost.account import Account, Surroundings
from sealpost.changes import Change
from sealpost.contacts import Contact
from sealpost.errors import Unsafe
from sealpost.folders import ProfileFolder
from sealpost.items import Item, Message, Refused
from sealpost.protocol import chain as chains
from sealpost.protocol import encoding
from sealpost.protocol.context import kids_hash
from sealpost.protocol.jwk import PrivateKey, PublicKey
from sealpost.protocol.jws import Type
from sealpost.service import Wall
from sealpost.vault import Cost
from tests.e2e.device import Service, new_address, new_message_id
from tests.e2e.tampering import Document, Forward, Json, Owner, TamperingProxy, problem
from tests.vectors import forge

PASSPHRASE = "correct horse battery"
DAY = 86400
CHEAP = Cost(memory=8, passes=1)
HONEST, FOLLOWING, ANSWER = "an honest message", "the honest message after it", "an answer"
LATE, IN_TIME = "sealed for a key that ends", "sealed for the key after it"
NEW, ACQUAINTED, NOW = "new", "acquainted", "now"
"""Copies of everybody's devices: before they met, after Alice's first message to Bob, and with Alice's second key."""


class AheadWall(Wall):
    """A clock that a test puts forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


@dataclass(frozen=True, slots=True)
class Person:
    """Whose keys a liar has: the service would have to steal an honest person's, and Mallory lends hers."""

    uid: str
    address: str
    signing: PrivateKey
    encryption: PrivateKey
    statements: tuple[str, ...]
    """Of the key chain."""

    @property
    def first_statement(self) -> str:
        return self.statements[0]

    @property
    def chain(self) -> chains.Chain:
        return chains.verify(self.uid, self.statements)

    @property
    def head(self) -> chains.Head:
        return self.chain.head

    def next_statement(self, signer: PrivateKey, *, kid: str | None = None, **changed: Any) -> str:
        """A further statement of the chain, whoever signs it."""
        payload = {
            "v": 1,
            "iss": self.uid,
            "seq": self.head.seq + 1,
            "prev": self.head.hash,
            "iat": claims(self.statements[-1])["iat"],
            "act": "revoke-device",
            "device": self.signing.kid,
            "ext": {},
        }
        return forge.jws(forge.header(Type.KEY, signer, kid=kid or signer.kid), payload | changed, signer)

    def key_statement(self, key: PublicKey, **changed: Any) -> str:
        """An encryption key statement with this key in it, the second one unless said otherwise."""
        now = int(time.time())
        payload = {
            "v": 1,
            "iss": self.uid,
            "device": self.signing.kid,
            "n": 2,
            "iat": now,
            "exp": now + DAY,
            "keys": [key.to_json()],
            "env": [1],
            "ext": {},
        }
        return forge.jws(forge.header(Type.ENCRYPTION_KEY, self.signing), payload | changed, self.signing)


@dataclass(slots=True)
class Client:
    """A person's real client, and what it says through its public surface: texts, and the codes of what it refuses."""

    account: Account
    wall: AheadWall
    alarms: list[str]

    def reads(self) -> list[str]:
        return [_said(item) for item in self.account.inbox()]

    def writes(self, address: str) -> list[str]:
        """Why nothing is sent; nothing if it was."""
        try:
            self.account.send(address, ANSWER)
        except Unsafe as refusal:
            return [refusal.code]
        return []

    def pinned(self, uid: str) -> Contact:
        contact = self.account._contacts.pinned(uid)
        assert contact is not None
        return contact

    def person(self) -> Person:
        device, uid = self.account._device, self.account._uid
        (encryption,) = device.receiving_keys().values()
        return Person(uid, self.account.address, device.key, encryption.key, self.pinned(uid).statements)


@dataclass(frozen=True, slots=True)
class Letters:
    honest: Document
    first_sealing: str
    """An envelope of the honest message that was refused before the one that is stored."""
    following: Document
    announced: str
    """Alice's second encryption key statement. Acquainted as he is, Bob has seen the first."""
    late: Document
    """From Bob to Alice, whose first key has been destroyed since."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A service that lies, and a home of profiles to copy from."""

    proxy: TamperingProxy
    owner: Owner
    home: Path

    @contextmanager
    def client(self, name: str, *, knowing: str = ACQUAINTED) -> Iterator[Client]:
        """A copy of somebody's device: what it learns and what it keeps, the other copies do not."""
        with opened(name, self.profiles(knowing)) as client:
            yield client

    def profiles(self, knowing: str = ACQUAINTED) -> Path:
        """A home of everybody's profiles, for one client alone."""
        home = self.home / new_message_id()
        shutil.copytree(self.home / knowing, home)
        return home

    @contextmanager
    def delivering(self, *documents: Document) -> Iterator[None]:
        """These are stored for a while, and so is what is stored meanwhile."""
        try:
            self.owner.store(*documents)
            yield
        finally:
            self.owner.clear()

    def code(self, address: str) -> str:
        """To sign in with."""
        return Service.of(self.owner.suite, self.owner.backing).link_code(address)


@dataclass(frozen=True, slots=True)
class Stage(Scene):
    """The people, and two messages from Alice to Bob that the service has accepted and not delivered yet."""

    letters: Letters
    alice: Person
    bob: Person
    mallory: Person

    @property
    def inner(self) -> str:
        """What Alice signed of the honest message."""
        return forge.open_jwe(self.letters.honest.envelope, self.bob.encryption.kid, self.bob.encryption)

    @property
    def context(self) -> Json:
        """Of the honest message."""
        context: Json = claims(self.inner)["ctx"]
        return context

    def sent(self, sender: str, to: Person, text: str) -> Document:
        """What somebody's client wrote, not delivered yet."""
        with self.client(sender) as client:
            return self.owner.taken(client.account.send(to.address, text))

    def forged(
        self,
        *,
        signer: PrivateKey | None = None,
        kid: str | None = None,
        keys: Iterable[PublicKey] = (),
        body: Json | None = None,
        after: str = "",
        **context: Any,
    ) -> Document:
        """A message in the honest one's place but for its id, signed by Alice unless said otherwise."""
        said = body or {"type": "text", "text": "forged", "from": self.alice.address}
        return message(
            self.letters.honest,
            self.context,
            signer=signer or self.alice.signing,
            kid=kid,
            keys=tuple(keys) or (self.bob.encryption.public,),
            body=said,
            after=after,
            **context,
        )


def message(
    place: Document,
    context: Json,
    *,
    signer: PrivateKey,
    keys: tuple[PublicKey, ...],
    body: Json,
    kid: str | None = None,
    after: str = "",
    **changed: Any,
) -> Document:
    """A message in the place of another one, but for its id and what of its context is changed."""
    ctx = context | {"mid": new_message_id(), "kids": kids_hash(key.kid for key in keys)} | changed
    head = forge.header(Type.MESSAGE, signer, kid=kid or signer.kid)
    inner = forge.jws(head, {"ctx": ctx, "body": body, "pad": ""}, signer) + after
    sealed = forge.jwe(forge.protected(encoding.canonical_hash(ctx)), inner, keys)
    document = place.moved(cid=ctx["cid"], mid=ctx["mid"])
    return document.saying(sender_uid=ctx["uid"], sender_device=ctx["dev"]).holding(sealed)


def claims(compact: str) -> Json:
    """The payload of a JWS, unchecked."""
    payload: Json = encoding.loads(encoding.b64decode(compact.split(".")[1]))
    return payload


def surroundings() -> tuple[Surroundings, AheadWall, list[str]]:
    wall, alarms = AheadWall(), list[str]()
    around = Surroundings(wall=wall, on_alarm=lambda alarm: alarms.append(alarm.code), cost=CHEAP)
    return around, wall, alarms


@contextmanager
def opened(name: str, home: Path) -> Iterator[Client]:
    around, wall, alarms = surroundings()
    folder = ProfileFolder(home, name)
    with Account.open(folder, passphrase=lambda: PASSPHRASE, surroundings=around) as account:
        yield Client(account, wall, alarms)


def entered(name: str, home: Path, service: str, backing: Backing) -> Client:
    """Signed up and in, and allowed to read."""
    around, wall, alarms = surroundings()
    account = Account.sign_up(
        new_address(name),
        service=service,
        folder=ProfileFolder(home, name),
        new_passphrase=lambda: PASSPHRASE,
        passphrase=lambda: PASSPHRASE,
        surroundings=around,
    )
    account.sign_in(mailed_link(backing.mailbox, account.address))
    assert account.inbox() == []
    return Client(account, wall, alarms)


def staged(proxy: TamperingProxy, owner: Owner, home: Path) -> Stage:
    """The people enter and meet, and Alice's first key ends."""
    now = home / NOW
    clients = [entered(name, now, proxy.url, owner.backing) for name in ("alice", "bob", "mallory")]
    people = [client.person() for client in clients]
    alice, bob, _ = clients
    shutil.copytree(now, home / NEW)
    first = alice.account.send(bob.account.address, "the first")
    assert bob.reads() == ["the first"]
    shutil.copytree(now, home / ACQUAINTED)
    owner.taken(first)
    letters = _letters(proxy, owner, alice, bob)
    for client in clients:
        client.account.close()
    return Stage(proxy, owner, home, letters, *people)


def _letters(proxy: TamperingProxy, owner: Owner, alice: Client, bob: Client) -> Letters:
    to, envelopes = bob.account.address, list[str]()

    def mismatch(asked: Json, forward: Forward) -> httpx.Response:
        envelopes.append(asked["envelope"])
        if len(envelopes) == 1:
            return problem(409, "device-mismatch", missing=[], extra=[], expired=[], heads={})
        return forward(asked)

    with proxy.lying(send_message=mismatch):
        honest = owner.taken(alice.account.send(to, HONEST))
    late = owner.taken(bob.account.send(alice.account.address, LATE))
    alice.wall.ahead = 8 * DAY
    alice.account.safety_number(to)  # she learns that it is her clock
    following = owner.taken(alice.account.send(to, FOLLOWING))  # and publishes the key that is due
    alice.wall.ahead = 2 * DAY
    assert alice.reads() == []  # and destroys the one before it
    (announced,) = alice.pinned(alice.account._uid).keys.values()
    return Letters(honest, envelopes[0], following, announced, late)


def _said(item: Item) -> str:
    match item:
        case Message():
            return item.text
        case Refused():
            return item.code
        case Change():
            return item.act
