"""Alice, Bob and the stranger Mallory of the vectors: fixed published keys, everything else made from them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sealpost.protocol import chain, conversation, encryption_keys, identifiers
from sealpost.protocol.jwk import PrivateKey

FOLDER = Path(__file__).parent
SERVICE = "https://api.sealpost.example"
NOW = 1_800_000_000
"""Seconds; 2027-01-15T08:00:00Z. Every vector is made at this time."""

UIDS = {
    "alice": "aL1ceW7h2Kq9Zr4Tn8Xv5Bm3Dp6Y",
    "bob": "b0bRz6Jt3Ld8Vw1Hc5Qk9Ny2Fs7G",
    "mallory": "mA11oryP4Xs6Gd9Wb2Kj7Tf5Lh3N",
}
ADDRESSES = {name: f"{name}@example.org" for name in UIDS}


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    uid: str
    signing: PrivateKey
    encryption: PrivateKey
    chain: chain.Chain
    key: encryption_keys.EncryptionKey

    @property
    def device(self) -> str:
        return self.signing.kid


def read(name: str) -> Any:
    """The content of a vector file."""
    return json.loads((FOLDER / name).read_text("utf-8"))


def write(name: str, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=True) + "\n"
    (FOLDER / name).write_text(text, "utf-8")


@cache
def private_key(name: str) -> PrivateKey:
    """A published key of keys.json, for instance ``alice_signing``."""
    return PrivateKey.parse(read("keys.json")["keys"][name]["private"])


@cache
def person(name: str) -> Person:
    signing, encryption = private_key(f"{name}_signing"), private_key(f"{name}_encryption")
    uid = UIDS[name]
    own = chain.verify(uid, [chain.first_statement(uid=uid, key=signing, now=NOW)])
    statement = encryption_keys.key_statement(
        uid=uid, signing_key=signing, encryption_key=encryption.public, n=1, now=NOW
    )
    key = encryption_keys.verify(statement, chain=own, now=NOW)
    return Person(name, uid, signing, encryption, own, key)


@cache
def direct(maker: str, other: str) -> conversation.Conversation:
    """The direct conversation of two of them, made by ``maker``."""
    people = {person(name).uid: person(name).chain for name in (maker, other)}
    statement = conversation.create_direct(
        uid=UIDS[maker], other=UIDS[other], head=person(maker).chain.head, key=person(maker).signing, now=NOW
    )
    cid = identifiers.direct_conversation(UIDS[maker], UIDS[other])
    return conversation.verify(cid, [statement], chains=people)
