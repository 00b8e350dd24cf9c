"""Messages between people whose chains have grown: removed devices, resets, history keys, oneself."""

from functools import cache
from typing import Any

from sealpost.protocol.context import kids_hash
from sealpost.protocol.encoding import digest
from sealpost.protocol.envelope import padding
from sealpost.protocol.jwk import PrivateKey
from sealpost.protocol.jws import Type
from tests.vectors import acts, forge, rounds
from tests.vectors.acts import ALICE, PHONE, TABLET, TWO, removing, resetting
from tests.vectors.messages import MILLISECONDS, case, context, document, sealed
from tests.vectors.people import NOW, person, private_key

REMOVED_AT = NOW + 20
REMOVED = removing(TWO, TABLET, ALICE)
RESET = resetting(TWO, PHONE)
BODY: dict[str, Any] = {
    "type": "pins",
    "pins": [
        {
            "uid": person("bob").uid,
            "head": [0, person("bob").chain.head.hash],
            "verified": [person("bob").chain.head.root, 0, person("bob").chain.head.hash],
            "addresses": ["bob@example.org"],
        }
    ],
}


@cache
def self_statement() -> str:
    return rounds.self_statement()


def head(statements: acts.Statements, seq: int | None = None) -> list[Any]:
    seq = len(statements) - 1 if seq is None else seq
    return [seq, digest(statements[seq])]


def to_bob(
    dev: PrivateKey, alice: list[Any], sent_at: int, *, extra: str | None = None, **changed: object
) -> tuple[dict[str, Any], dict[str, Any]]:
    """An envelope by Alice's ``dev``, who thinks her chain stands at ``alice``, and its document."""
    bob = person("bob")
    keys = [bob.encryption.public, *([private_key(extra).public] if extra else [])]
    ctx = context(
        dev=dev.kid,
        iat=sent_at,
        kids=kids_hash(key.kid for key in keys),
        heads={person("alice").uid: alice, bob.uid: [0, bob.chain.head.hash]} | changed,
    )
    envelope = sealed(ctx, plaintext=_inner(ctx, dev), keys=keys)
    return envelope, document(envelope, sender_device=dev.kid, sent_at=sent_at)


def _inner(ctx: dict[str, Any], dev: PrivateKey, body: dict[str, Any] | None = None) -> str:
    body = body or {"type": "text", "text": "hello", "from": "alice@example.org"}
    payload = {"ctx": ctx, "body": body, "pad": "0" * padding(len(forge.text(body).encode()))}
    return forge.jws(forge.header(Type.MESSAGE, dev), payload, dev)


def to_herself() -> tuple[dict[str, Any], dict[str, Any]]:
    """Alice's first device tells her tablet what it has pinned."""
    alice = person("alice")
    key = private_key("alice_tablet_encryption").public
    statement = self_statement()
    ctx = context(
        cid=rounds.SELF,
        kids=kids_hash([key.kid]),
        heads={alice.uid: head(TWO)},
        conv=[0, digest(statement)],
    )
    envelope = sealed(ctx, plaintext=_inner(ctx, ALICE, BODY), keys=[key])
    return envelope, document(envelope, cid=rounds.SELF)


def _chains(alice: acts.Statements, bob: acts.Statements | None = None) -> dict[str, Any]:
    bob = bob or person("bob").chain.statements
    return {"known": {"chains": {person("alice").uid: list(alice), person("bob").uid: list(bob)}}}


def _receiver(name: str, device: str | None) -> dict[str, Any]:
    owner = person(name.split("_", maxsplit=1)[0])
    key = {"kid": private_key(name).kid, "key": name, "uid": owner.uid, "device": device}
    return {"uid": owner.uid, "device": device or owner.device, "keys": [key], "destroyed": []}


def accepted() -> list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Name, envelope, document and what else belongs to the case."""
    before, second = MILLISECONDS + 15_000, REMOVED_AT * 1000
    stale = (NOW + 10 + 600) * 1000 + 1
    kept = to_bob(TABLET, head(TWO), before)
    same_second = to_bob(TABLET, head(TWO), second + 999)
    late = to_bob(ALICE, head(TWO), stale)
    in_time = to_bob(ALICE, head(TWO), stale - 1)
    anew = to_bob(PHONE, head(RESET), second)
    for_history = to_bob(ALICE, head(TWO), before, extra="bob_history")
    removed, with_history = _chains(REMOVED), _chains(TWO, rounds.bobs_history())
    own = to_herself()
    conversation = {"maker": "alice", "statements": [self_statement()]}
    return [
        ("by a device since removed", *kept, removed | {"notices": ["removed-device"]}),
        ("in the second of its removal", *same_second, removed | {"notices": ["removed-device"]}),
        ("601 s behind the receiver's statement", *late, with_history | {"notices": ["sender-stale"]}),
        ("600 s behind the receiver's statement", *in_time, with_history),
        ("by the device of a reset", *anew, _chains(RESET)),
        (
            "opened with the history key",
            *for_history,
            with_history | {"receiver": _receiver("bob_history", None)},
        ),
        (
            "to oneself",
            *own,
            {
                "receiver": _receiver("alice_tablet_encryption", TABLET.kid),
                "known": _chains(TWO)["known"] | {"conversation": conversation},
            },
        ),
    ]


def refused() -> list[dict[str, Any]]:
    alice, bob = person("alice"), person("bob")
    later = MILLISECONDS + 30_000
    _, after_removal = to_bob(TABLET, head(TWO), later)
    _, knowing_removal = to_bob(TABLET, head(REMOVED), MILLISECONDS + 15_000)
    _, too_early = to_bob(TABLET, head(TWO, 0), later)
    _, after_reset = to_bob(ALICE, head(TWO), later)
    _, knowing_reset = to_bob(ALICE, head(RESET), later)
    _, before_reset = to_bob(PHONE, head(TWO), later)
    conversation = {"maker": "alice", "statements": [self_statement()]}
    ctx = context(
        cid=rounds.SELF,
        heads={alice.uid: head(TWO), bob.uid: [0, bob.chain.head.hash]},
        conv=[0, digest(self_statement())],
    )
    strange = document(sealed(ctx, plaintext=_inner(ctx, ALICE)), cid=rounds.SELF)
    _, own = to_herself()
    foreign = _receiver("alice_tablet_encryption", TABLET.kid) | {"device": ALICE.kid}
    return [
        case("by a removed device", "revoked-device", after_removal, **_chains(REMOVED)),
        case("by a removed device that knows it", "unknown-device", knowing_removal, **_chains(REMOVED)),
        case("by a device before it was added", "unknown-device", too_early, **_chains(TWO)),
        case("by a device from before a reset", "revoked-device", after_reset, **_chains(RESET)),
        case("by a device that a reset ended", "unknown-device", knowing_reset, **_chains(RESET)),
        case("by the device of a reset, before it", "unknown-device", before_reset, **_chains(RESET)),
        case(
            "somebody else in a conversation with oneself",
            "not-a-member",
            strange,
            known=_chains(TWO)["known"] | {"conversation": conversation},
        ),
        case(
            "to oneself, for another device",
            "context",
            own,
            receiver=foreign,
            known=_chains(TWO)["known"] | {"conversation": conversation},
        ),
    ]
