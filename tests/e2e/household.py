"""A person with several devices, whom a lying service has to do with: some linked, one removed, two that want to be linked."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sealpost.account import Account
from sealpost.folders import ProfileFolder
from sealpost.items import Message, Refused
from sealpost.joining import Request
from sealpost.protocol import chain as chains
from sealpost.protocol import linking
from sealpost.protocol.chain import Chain
from sealpost.protocol.identifiers import direct_conversation, self_conversation
from sealpost.protocol.jwk import PrivateKey, PublicKey
from tests.e2e.device import Service
from tests.e2e.tampering import Document, Forward, Json, Owner, TamperingProxy
from tests.e2e.victims import (
    ACQUAINTED,
    ANSWER,
    HONEST,
    NEW,
    NOW,
    PASSPHRASE,
    Client,
    Person,
    Scene,
    claims,
    entered,
    message,
    surroundings,
)
from tests.vectors import forge

LINKED, WITH_HISTORY = 2, 4
"""Numbers of Alice's statements: when all her devices are linked, and when her history has its second backup."""


@dataclass(frozen=True, slots=True)
class House(Scene):
    """Alice's laptop, phone (removed) and tablet, Bob and his desk, Mallory; watch and glasses are Alice's, and pending.

    Copies are of before Alice and Bob met; of when they had met; of now, when Alice has set up a history, and removed
    the phone. The tablet and the desk have not been on since they were linked.
    """

    honest: Document
    """From the laptop, after all that; to Bob, his desk and the tablet."""
    pins: Document
    """Bob's word to his desk of whom he has met."""
    backups: tuple[str, str]
    recovery_code: str
    laptop: Person
    phone: Person
    tablet: Person
    bob: Person
    mallory: Person
    watch: PrivateKey
    """Its signing key: the service would have to steal it, and the tests lend it."""

    @property
    def address(self) -> str:
        """Alice's."""
        return self.laptop.address

    @property
    def uid(self) -> str:
        """Alice's."""
        return self.laptop.uid

    @property
    def chain(self) -> Chain:
        """Alice's."""
        return self.laptop.chain

    def chain_until(self, seq: int) -> Chain:
        return chains.verify(self.uid, self.laptop.statements[: seq + 1])

    def head_at(self, seq: int) -> list[int | str]:
        """As a message names it."""
        return [seq, self.chain.hashes[seq]]

    def pop(self, key: PrivateKey, chain: Chain, *, now: int | None = None, enc: str = "") -> str:
        """That a device wants to be added to Alice's chain."""
        made = chain.times[-1] if now is None else now
        return linking.possession(
            uid=self.uid,
            service_url=self.proxy.url,
            root=chain.head.root,
            key=key,
            encryption_statement=enc,
            now=made,
        )

    def written(
        self, *, signer: PrivateKey | None = None, heads: Json | None = None, **context: Any
    ) -> Document:
        """A message in the honest one's place but for its id: from the laptop to Bob and the tablet, if not said otherwise."""
        signer = signer or self.laptop.signing
        said = {"type": "text", "text": "written", "from": self.address}
        inner = forge.open_jwe(self.honest.envelope, self.bob.encryption.kid, self.bob.encryption)
        ctx: Json = claims(inner)["ctx"]
        named: Json = {"heads": ctx["heads"] | (heads or {}), "dev": signer.kid}
        keys: tuple[PublicKey, ...] = (self.bob.encryption.public, self.tablet.encryption.public)
        if context.get("uid") == self.bob.uid:
            keys = (self.laptop.encryption.public,)
        return message(self.honest, ctx, signer=signer, keys=keys, body=said, **named, **context)

    def written_to(self, client: Client) -> list[str]:
        """Why this device sends nothing: Bob's to Alice, one of hers to Bob. Nothing if it was sent."""
        is_hers = client.account.address == self.address
        return client.writes(self.bob.address if is_hers else self.address)

    @contextmanager
    def delivering(self, *documents: Document) -> Iterator[None]:
        """Nothing that anybody sends meanwhile is there afterwards."""
        with Scene.delivering(self, *documents):
            yield
        self.sweep()

    def sweep(self) -> None:
        for cid in (
            direct_conversation(self.uid, self.bob.uid),
            self_conversation(self.uid),
            self_conversation(self.bob.uid),
        ):
            self.owner.taken_all(cid)


def read(client: Client) -> list[str]:
    """Texts, and codes of what is refused; neither changes of keys nor what other copies of a device have sent."""
    items = client.account.inbox()
    texts = [item.text for item in items if isinstance(item, Message)]
    return [text for text in texts if text != ANSWER] + [
        item.code for item in items if isinstance(item, Refused)
    ]


def furnished(proxy: TamperingProxy, owner: Owner, home: Path) -> House:
    now = home / NOW
    clients = {name: entered(name, now, proxy.url, owner.backing) for name in ("laptop", "bob", "mallory")}
    laptop, bob = clients["laptop"], clients["bob"]
    for name, first in {"phone": laptop, "tablet": laptop, "desk": bob}.items():
        clients[name] = _signed_in(name, first, now, owner)
        _link(clients[name], first)
        owner.run("delete from link_requests")  # ten minutes have passed
    for name in ("watch", "glasses"):
        clients[name] = _signed_in(name, laptop, now, owner)
    _ask(clients["watch"])
    shutil.copytree(now, home / NEW)

    uid, others = laptop.account._uid, bob.account._uid
    laptop.account.send(bob.account.address, "the first")
    bob.account.inbox()
    (pins,) = owner.taken_all(self_conversation(others))
    shutil.copytree(now, home / ACQUAINTED)
    people = {name: clients[name].person() for name in ("phone", "tablet", "mallory")}
    backups = list[str]()
    code = _history(proxy, laptop, backups)
    laptop.account.devices.revoke(people["phone"].signing.kid)
    owner.taken_all(direct_conversation(uid, others))
    honest = owner.taken(laptop.account.send(bob.account.address, HONEST))
    bob.account.safety_number(laptop.account.address)
    laptop.account.inbox()
    house = House(
        proxy,
        owner,
        home,
        honest,
        pins,
        (backups[0], backups[1]),
        code,
        laptop.person(),
        people["phone"],
        people["tablet"],
        bob.person(),
        people["mallory"],
        clients["watch"].account._device.key,
    )
    for client in clients.values():
        client.account.close()
    house.sweep()
    return house


def _signed_in(name: str, first: Client, home: Path, owner: Owner) -> Client:
    """A further device, which is pending."""
    around, wall, alarms = surroundings()
    account = Account.sign_up(
        first.account.address,
        service=first.account.service.url,
        folder=ProfileFolder(home, name),
        new_passphrase=lambda: PASSPHRASE,
        passphrase=lambda: PASSPHRASE,
        surroundings=around,
    )
    account.sign_in(Service.of(owner.suite, owner.backing).link_code(account.address))
    return Client(account, wall, alarms)


def _link(new: Client, first: Client) -> None:
    """The new device is ready to read."""

    def carry(request: Request) -> None:
        first.account.devices.approve(str(request))

    new.account.devices.link(carry)
    new.account.inbox()


def _ask(new: Client) -> None:
    """The new device shows its secret, and nobody has typed it yet."""

    def stop(_request: object) -> None:
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        new.account.devices.link(stop)


def _history(proxy: TamperingProxy, laptop: Client, backups: list[str]) -> str:
    """Two backups, and their code."""
    shown = list[str]()

    def keep(asked: Json, forward: Forward) -> httpx.Response:
        backups.append(asked["backup"])
        return forward(asked)

    with proxy.lying(save_key_backup=keep):
        laptop.account.history_key.turn_on(code=str, show=shown.append)
        laptop.account.history_key.turn_on(code=lambda: shown[0], show=shown.append)
    return shown[0]
