"""Messages from Alice to Bob of any shape, for the cases of envelopes.json."""

import copy
import json
import secrets
from collections.abc import Callable
from typing import Any

from sealpost.protocol import encoding
from sealpost.protocol.context import kids_hash
from sealpost.protocol.encoding import b64encode
from sealpost.protocol.envelope import padding
from sealpost.protocol.jwk import PublicKey
from sealpost.protocol.jws import Type
from tests.vectors import forge
from tests.vectors.people import NOW, direct, person

MID = "01a4b5c6-d7e8-7f90-8a1b-2c3d4e5f6071"
MILLISECONDS = NOW * 1000
OTHER_HASH = encoding.digest("x")
BODY = {"type": "text", "text": "Grüße, Bob — see you at eight.", "from": "alice@example.org"}


def context(**changed: object) -> dict[str, Any]:
    alice, bob, conversation = person("alice"), person("bob"), direct("alice", "bob")
    return {
        "v": 1,
        "cid": conversation.cid,
        "mid": MID,
        "uid": alice.uid,
        "dev": alice.device,
        "n": 1,
        "iat": MILLISECONDS,
        "exp": None,
        "kids": kids_hash([bob.encryption.kid]),
        "heads": {alice.uid: [0, alice.chain.head.hash], bob.uid: [0, bob.chain.head.hash]},
        "conv": list(conversation.head),
        "ext": {},
    } | changed


def inner(
    ctx: object, *, signer: str = "alice", head: dict[str, Any] | None = None, **changed: object
) -> str:
    key = person(signer).signing
    payload = {"ctx": ctx, "body": BODY, "pad": "0" * padding(len(forge.text(BODY).encode()))}
    return forge.jws(head or forge.header(Type.MESSAGE, key), payload | changed, key)


def sealed(
    ctx: dict[str, Any] | None = None,
    *,
    plaintext: str | None = None,
    keys: list[PublicKey] | None = None,
    head: dict[str, Any] | None = None,
    content_key: bytes | None = None,
) -> dict[str, Any]:
    ctx = ctx or context()
    plaintext = inner(ctx) if plaintext is None else plaintext
    head = head or forge.protected(encoding.sha256(canonical(ctx).encode()))
    return forge.jwe(head, plaintext, keys or [person("bob").encryption.public], content_key=content_key)


def canonical(ctx: dict[str, Any]) -> str:
    """Canonical JSON of an acceptable ctx; of others too, so that their cases can be made."""
    return json.dumps(ctx, separators=(",", ":"), sort_keys=True)


def document(envelope: dict[str, Any] | str, **changed: object) -> dict[str, Any]:
    return {
        "cid": direct("alice", "bob").cid,
        "mid": MID,
        "sender_uid": person("alice").uid,
        "sender_device": person("alice").device,
        "sent_at": MILLISECONDS + 250,
        "expires_at": MILLISECONDS + 250 + 90 * 86_400_000,
        "envelope": forge.text(envelope),
    } | changed


def edited(change: Callable[[dict[str, Any]], object], base: dict[str, Any] | None = None) -> dict[str, Any]:
    envelope = copy.deepcopy(base or sealed())
    change(envelope)
    return envelope


def case(
    name: str, code: str, doc: dict[str, Any], *, server: bool = False, **other: object
) -> dict[str, Any]:
    return {"name": name, "code": code, "server": server, "document": doc, **other}


def nested(levels: int) -> dict[str, Any]:
    """``levels`` objects in one another."""
    inmost: dict[str, Any] = {}
    for _ in range(levels - 1):
        inmost = {"a": inmost}
    return inmost


def random_kid() -> str:
    return b64encode(secrets.token_bytes(32))


def both_keys() -> list[PublicKey]:
    return [person("alice").encryption.public, person("bob").encryption.public]


def flip(part: str) -> str:
    return ("A" if part[0] != "A" else "B") + part[1:]
