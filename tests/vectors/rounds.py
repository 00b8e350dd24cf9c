"""A person's conversation with themselves, and whom messages are sealed for."""

from typing import Any

from sealpost.protocol import chain, encoding
from sealpost.protocol.bounds import MAX_KEY_LIFE
from sealpost.protocol.encoding import digest
from sealpost.protocol.jwk import PrivateKey
from sealpost.protocol.jws import Type
from tests.vectors import acts, forge
from tests.vectors.acts import BACKUP, TABLET, TWO, WITH_HISTORY
from tests.vectors.people import NOW, UIDS, person, private_key
from tests.vectors.tokens import SERVER, case

ALICE, BOB = person("alice"), person("bob")
SELF = encoding.sha256(b"sealpost self 1\0" + UIDS["alice"].encode())


def self_statement(*, by: str = "alice", signer: PrivateKey | None = None, **changed: object) -> str:
    maker = person(by)
    payload = {
        "v": 1,
        "cid": SELF,
        "seq": 0,
        "prev": None,
        "iat": NOW,
        "iss": maker.uid,
        "dev": maker.device,
        "head": [0, maker.chain.head.hash],
        "act": "create",
        "kind": "self",
        "members": [[ALICE.uid, "member"]],
        "ext": {},
    }
    header = forge.header(Type.CONVERSATION, maker.signing)
    return forge.jws(header, payload | changed, signer or maker.signing)


def self_conversations() -> dict[str, Any]:
    good = self_statement()
    other = encoding.sha256(b"sealpost self 1\0" + BOB.uid.encode())
    payload = encoding.loads(encoding.b64decode(good.split(".")[1])) | {"dev": BOB.device}
    foreign = forge.jws(forge.header(Type.CONVERSATION, BOB.signing), payload, BOB.signing)
    refused = {
        "two members": ("malformed", self_statement(members=[[ALICE.uid, "member"], [BOB.uid, "member"]])),
        "no member": ("malformed", self_statement(members=[])),
        "somebody else as the member": ("malformed", self_statement(members=[[BOB.uid, "member"]])),
        "another role": ("malformed", self_statement(members=[[ALICE.uid, "owner"]])),
        "called direct": ("malformed", self_statement(kind="direct")),
        "of another kind": ("malformed", self_statement(kind="note")),
        "changed": ("malformed", self_statement(act="add")),
        "seq 1": ("malformed", self_statement(seq=1)),
        "with a prev": ("malformed", self_statement(prev=digest(good))),
        "another person's id": ("malformed", self_statement(cid=other)),
        "one member too many": ("malformed", self_statement(name="notes")),
        "v is 2": ("update-needed", self_statement(v=2)),
        "made by somebody else": ("not-a-member", self_statement(by="bob")),
        "forged": ("bad-signature", self_statement(signer=BOB.signing)),
        "by a device not one's own": ("unknown-device", foreign),
        "names a newer head": ("chain-hidden", self_statement(head=[1, digest("x")])),
        "names another head": ("chain-fork", self_statement(head=[0, digest("x")])),
    }
    return {
        "about": "Statements of Alice's conversation with herself, read with the chains of `chains.json`. "
        f"`pinned` is a (seq, hash) accepted before. {SERVER}",
        "uid": ALICE.uid,
        "cid": SELF,
        "accepted": [
            {"statements": [good], "members": [ALICE.uid], "head": [0, digest(good)]},
            {
                "statements": [good],
                "members": [ALICE.uid],
                "head": [0, digest(good)],
                "pinned": [0, digest(good)],
            },
        ],
        "refused": [
            *(case(name, code, statements=[statement]) for name, (code, statement) in refused.items()),
            case("no statement", "malformed", server=False, statements=[]),
            case("two statements", "malformed", server=False, statements=[good, good]),
            case(
                "other than the pinned one",
                "chain-fork",
                server=False,
                statements=[self_statement()],
                pinned=[0, digest(good)],
            ),
        ],
    }


def _key(uid: str, signing: PrivateKey, encryption: str, exp: int = NOW + MAX_KEY_LIFE) -> str:
    payload = {
        "v": 1,
        "iss": uid,
        "device": signing.kid,
        "n": 1,
        "iat": exp - MAX_KEY_LIFE,
        "exp": exp,
        "keys": [private_key(encryption).public.to_json()],
        "env": [1],
        "ext": {},
    }
    return forge.jws(forge.header(Type.ENCRYPTION_KEY, signing), payload, signing)


def bobs_history() -> acts.Statements:
    """Bob's chain with a history key, 10 s after its beginning."""
    statement = {
        "v": 1,
        "iss": BOB.uid,
        "seq": 1,
        "prev": BOB.chain.head.hash,
        "iat": NOW + 10,
        "act": "set-history-key",
        "key": private_key("bob_history").public.to_json(),
        "backup": BACKUP,
        "ext": {},
    }
    signed = forge.jws(forge.header(Type.KEY, BOB.signing), statement, BOB.signing)
    return (*BOB.chain.statements, signed)


def recipients() -> dict[str, Any]:
    alices, tablets, bobs = (
        ALICE.key.statement,
        _key(ALICE.uid, TABLET, "alice_tablet_encryption"),
        BOB.key.statement,
    )
    kid = {
        name: private_key(name).kid
        for name in ("alice_tablet_encryption", "bob_encryption", "alice_history", "bob_history")
    }
    phone, tablet, bob = ALICE.chain.statements, TWO, BOB.chain.statements

    def member(uid: str, statements: acts.Statements, *keys: str) -> dict[str, Any]:
        chain.verify(uid, statements)
        return {"uid": uid, "statements": list(statements), "encryption_keys": list(keys)}

    def chosen(
        name: str, members: list[dict[str, Any]], kids: list[str], *left_out: str, expires: bool = False
    ) -> dict[str, Any]:
        stated = {"name": name, "members": members, "expires": expires}
        return stated | {"kids": sorted(kid[of] for of in kids), "left_out": list(left_out)}

    alice, alice_two = member(ALICE.uid, phone, alices), member(ALICE.uid, tablet, alices, tablets)
    alice_history = member(ALICE.uid, WITH_HISTORY, alices, tablets)
    bob_one, bob_history = member(BOB.uid, bob, bobs), member(BOB.uid, bobs_history(), bobs)
    late = _key(BOB.uid, BOB.signing, "bob_encryption", exp=NOW)
    removed = acts.removing(WITH_HISTORY, TABLET, acts.ALICE)
    everyone = ["alice_tablet_encryption", "bob_encryption", "alice_history", "bob_history"]
    both = [alice_history, bob_history]
    return {
        "about": "Whom Alice's first device seals a message for at `now` (seconds). The newest encryption key statement of "
        "each device stands beside each member's chain; `kids` is what the envelope lists and what the service asks for.",
        "now": NOW,
        "sender": ALICE.uid,
        "sending_device": ALICE.device,
        "accepted": [
            chosen("one device each", [alice, bob_one], ["bob_encryption"]),
            chosen(
                "the sender's other device",
                [alice_two, bob_one],
                ["alice_tablet_encryption", "bob_encryption"],
            ),
            chosen("history keys of both", both, everyone),
            chosen("a message that disappears", both, everyone[:2], expires=True),
            chosen(
                "a removal ended device and history key",
                [member(ALICE.uid, removed, alices, tablets), bob_one],
                ["bob_encryption"],
            ),
            chosen("oneself, two devices", [alice_two], ["alice_tablet_encryption"]),
            chosen(
                "oneself, with a history key", [alice_history], ["alice_tablet_encryption", "alice_history"]
            ),
            chosen("oneself, one device: nothing to send", [alice], []),
        ],
        "refused": [
            {
                "name": "no key",
                "code": "no-active-device",
                "members": [alice, member(BOB.uid, bob)],
                "expires": False,
            },
            {
                "name": "an expired key",
                "code": "no-active-device",
                "members": [alice, member(BOB.uid, bob, late)],
                "expires": False,
            },
            {
                "name": "a history key alone",
                "code": "no-active-device",
                "members": [alice, member(BOB.uid, bobs_history(), late)],
                "expires": False,
            },
        ],
    }
