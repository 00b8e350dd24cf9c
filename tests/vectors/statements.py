"""Cases of signed statements: right ones, and wrong ones with the code that refuses them."""

from typing import Any

from sealpost.protocol import encoding, identifiers
from sealpost.protocol.bounds import MAX_KEY_LIFE
from sealpost.protocol.jws import Type
from tests.vectors import forge
from tests.vectors.people import NOW, UIDS, direct, person
from tests.vectors.tokens import SERVER, case


def _first(**changed: object) -> dict[str, Any]:
    alice = person("alice")
    return {
        "v": 1,
        "iss": alice.uid,
        "seq": 0,
        "prev": None,
        "iat": NOW,
        "act": "add-device",
        "device": alice.signing.public.to_json(),
        "pop": None,
        "ext": {},
    } | changed


def chains() -> dict[str, Any]:
    alice, bob, mallory = person("alice"), person("bob"), person("mallory")
    head = forge.header(Type.KEY, alice.signing)
    [good] = alice.chain.statements

    def signed(**changed: object) -> str:
        return forge.jws(head, _first(**changed), alice.signing)

    def second(head: dict[str, object] = head, key: Any = alice.signing, **changed: object) -> list[str]:
        payload = _first(
            seq=1,
            prev=encoding.digest(good),
            iat=NOW + 60,
            device=mallory.signing.public.to_json(),
            pop="a.b.c",
        )
        return [good, forge.jws(head, payload | changed, key)]

    short = {name: value for name, value in _first().items() if name != "ext"}
    strange = forge.header(Type.KEY, mallory.signing)
    refused = [
        case("no statement", "malformed", statements=[], server=False),
        case("another account's chain", "malformed", statements=list(bob.chain.statements)),
        case("begins with seq 1", "malformed", statements=[signed(seq=1)]),
        case("seq is true", "malformed", statements=[signed(seq=False)]),
        case("begins with a prev", "malformed", statements=[signed(prev=encoding.digest("x"))]),
        case("begins with a pop", "malformed", statements=[signed(pop="x")]),
        case("begins with a reset", "malformed", statements=[forge.jws(head, _reset(), alice.signing)]),
        case("unknown act", "malformed", statements=[signed(act="add-devices")]),
        case("act is a list", "malformed", statements=[signed(act=["add-device"])]),
        case("act is an object", "malformed", statements=[signed(act={})]),
        case("one member too many", "malformed", statements=[signed(note="x")]),
        case("one member too few", "malformed", statements=[forge.jws(head, short, alice.signing)]),
        case("ext is not an object", "malformed", statements=[signed(ext=[])]),
        case("iat is a float", "malformed", statements=[signed(iat=NOW + 0.5)]),
        case("iat is negative", "malformed", statements=[signed(iat=-1)]),
        case("iat is a string", "malformed", statements=[signed(iat=str(NOW))]),
        case("v is a string", "malformed", statements=[signed(v="1")]),
        case("v is 0", "malformed", statements=[signed(v=0)]),
        case(
            "device is an encryption key",
            "malformed",
            statements=[signed(device=alice.encryption.public.to_json())],
        ),
        case(
            "device shows a private member", "malformed", statements=[signed(device=alice.signing.to_json())]
        ),
        case("v is 2", "update-needed", statements=[signed(v=2)]),
        case("act that is reserved", "update-needed", statements=[signed(act="recover")]),
        case(
            "device signed for by another key",
            "bad-signature",
            statements=[forge.jws(head, _first(), mallory.signing)],
        ),
        case(
            "device added by another device at seq 0",
            "bad-signature",
            statements=[forge.jws(strange, _first(), mallory.signing)],
        ),
        case("second device with a pop that is none", "malformed", statements=second()),
        case("second statement of another account", "malformed", statements=second(iss=mallory.uid)),
        case("a statement is missing", "malformed", statements=second(seq=2)),
        case("time falls", "malformed", statements=second(iat=NOW - 1)),
        case("prev is another statement", "chain-fork", statements=second(prev=encoding.digest("x"))),
        case("second statement without prev", "chain-fork", statements=second(prev=None)),
        case("second statement by a stranger", "unknown-device", statements=second(strange, mallory.signing)),
        case("second statement forged", "bad-signature", statements=second(head, mallory.signing)),
        case("two statements of seq 0", "chain-fork", statements=[good, signed()]),
        case(
            "other chain than the pinned one",
            "chain-fork",
            server=False,
            statements=[signed()],
            pinned=alice.chain.head.to_json(),
        ),
        case(
            "shorter than the pinned one",
            "chain-rollback",
            server=False,
            statements=[good],
            pinned=alice.chain.head.to_json() | {"seq": 1, "hash": encoding.digest("x")},
        ),
    ]
    return {
        "about": f"Key chains from statement 0; the refused ones are read as Alice's. {SERVER}",
        "now": NOW,
        "uid": alice.uid,
        "accepted": [
            {
                "uid": someone.uid,
                "statements": list(someone.chain.statements),
                "hashes": list(someone.chain.hashes),
                "head": someone.chain.head.to_json(),
            }
            for someone in (alice, bob, mallory)
        ],
        "refused": refused,
    }


def _reset() -> dict[str, Any]:
    return {name: value for name, value in _first(act="reset").items() if name != "pop"}


def encryption_keys() -> dict[str, Any]:
    alice, mallory = person("alice"), person("mallory")
    head = forge.header(Type.ENCRYPTION_KEY, alice.signing)
    key = alice.encryption.public.to_json()
    payload = {
        "v": 1,
        "iss": alice.uid,
        "device": alice.device,
        "n": 1,
        "iat": NOW,
        "exp": NOW + MAX_KEY_LIFE,
        "keys": [key],
        "env": [1],
        "ext": {},
    }

    def signed(**changed: object) -> str:
        return forge.jws(head, payload | changed, alice.signing)

    same = alice.signing.public.to_json() | {"alg": "RSA-OAEP-256", "use": "enc"}
    refused = [
        case("lives 30 days and a second", "malformed", statement=signed(exp=NOW + MAX_KEY_LIFE + 1)),
        case("ends when it begins", "malformed", statement=signed(exp=NOW)),
        case("dated 601 s ahead", "malformed", statement=signed(iat=NOW + 601)),
        case("n is 0", "malformed", statement=signed(n=0)),
        case("n is a float", "malformed", statement=signed(n=1.0)),
        case("two keys", "malformed", statement=signed(keys=[key, mallory.encryption.public.to_json()])),
        case("no key", "malformed", statement=signed(keys=[])),
        case("a signing JWK", "malformed", statement=signed(keys=[alice.signing.public.to_json()])),
        case("the signing key itself", "malformed", statement=signed(keys=[same])),
        case("a private member", "malformed", statement=signed(keys=[alice.encryption.to_json()])),
        case("env is empty", "malformed", statement=signed(env=[])),
        case("env is a number", "malformed", statement=signed(env=1)),
        case("env holds a string", "malformed", statement=signed(env=["1"])),
        case("env without this version", "update-needed", statement=signed(env=[2])),
        case("v is 2", "update-needed", statement=signed(v=2)),
        case("one member too many", "malformed", statement=signed(note="x")),
        case("ext is not an object", "malformed", statement=signed(ext=None)),
        case("another account", "malformed", statement=signed(iss=mallory.uid)),
        case("another device", "malformed", statement=signed(device=mallory.device)),
        case(
            "typ of a chain statement",
            "malformed",
            statement=forge.jws(head | {"typ": Type.KEY}, payload, alice.signing),
        ),
        case("forged", "bad-signature", statement=forge.jws(head, payload, mallory.signing)),
        case(
            "by a device that is not in the chain",
            "unknown-device",
            statement=forge.jws(
                forge.header(Type.ENCRYPTION_KEY, mallory.signing),
                payload | {"device": mallory.device},
                mallory.signing,
            ),
        ),
        case("n fell", "chain-rollback", server=False, statement=alice.key.statement, pinned=signed(n=2)),
        case("two keys of one n", "chain-fork", server=False, statement=alice.key.statement, pinned=signed()),
    ]
    later = {"kid": alice.key.key.kid, "n": 7}
    return {
        "about": "Encryption key statements of Alice, read against her chain at `now` (seconds), `pinned` being one "
        f"that was accepted before. {SERVER}",
        "now": NOW,
        "chain": list(alice.chain.statements),
        "uid": alice.uid,
        "accepted": [
            {
                "statement": alice.key.statement,
                "kid": alice.key.key.kid,
                "n": 1,
                "hash": encoding.digest(alice.key.statement),
            },
            {"statement": signed(iat=NOW + 600), "kid": alice.key.key.kid, "n": 1},
            later | {"statement": signed(n=7, env=[1, 2], ext={"later": True})},
            later | {"statement": signed(n=7), "pinned": alice.key.statement},
        ],
        "refused": refused,
    }


def conversations() -> dict[str, Any]:
    alice, bob, mallory = person("alice"), person("bob"), person("mallory")
    made = direct("alice", "bob")
    head = forge.header(Type.CONVERSATION, alice.signing)
    payload: dict[str, Any] = {
        "v": 1,
        "cid": made.cid,
        "seq": 0,
        "prev": None,
        "iat": NOW,
        "iss": alice.uid,
        "dev": alice.device,
        "head": [0, alice.chain.head.hash],
        "act": "create",
        "kind": "direct",
        "members": [[alice.uid, "member"], [bob.uid, "member"]],
        "ext": {},
    }

    def signed(**changed: object) -> list[str]:
        return [forge.jws(head, payload | changed, alice.signing)]

    a_role, b_role = payload["members"]
    strange = forge.header(Type.CONVERSATION, mallory.signing)
    stranger = payload | {"iss": mallory.uid, "dev": mallory.device, "head": [0, mallory.chain.head.hash]}
    intruder = payload | {"dev": mallory.device}
    newer = intruder | {"head": [1, encoding.digest("x")]}
    refused = [
        case("members descending", "malformed", statements=signed(members=[b_role, a_role])),
        case(
            "a third member",
            "malformed",
            statements=signed(members=[a_role, b_role, [mallory.uid, "member"]]),
        ),
        case(
            "other members than the id's",
            "malformed",
            statements=signed(members=[a_role, [mallory.uid, "member"]]),
        ),
        case("one member twice", "malformed", statements=signed(members=[a_role, a_role])),
        case("another role", "malformed", statements=signed(members=[[alice.uid, "admin"], b_role])),
        case(
            "other people's conversation", "malformed", statements=list(direct("alice", "mallory").statements)
        ),
        case("seq is false", "malformed", statements=signed(seq=False)),
        case("another conversation", "malformed", statements=signed(cid=encoding.digest("x"))),
        case("seq 1", "malformed", statements=signed(seq=1)),
        case("with a prev", "malformed", statements=signed(prev=encoding.digest("x"))),
        case("a direct one changed", "malformed", statements=signed(act="add")),
        case("two statements", "malformed", statements=[*made.statements, *signed(seq=1, act="add")]),
        case("one member too many", "malformed", statements=signed(name="x")),
        case("head is an object", "malformed", statements=signed(head=alice.chain.head.to_json())),
        case("iat is a float", "malformed", statements=signed(iat=NOW + 0.5)),
        case("ext is not an object", "malformed", statements=signed(ext=0)),
        case("v is 2", "update-needed", statements=signed(v=2)),
        case("a group", "update-needed", statements=signed(kind="group")),
        case("a group with a list for an act", "malformed", statements=signed(kind="group", act=[])),
        case("a group with an unknown act", "malformed", statements=signed(kind="group", act="x")),
        case("kind is a list", "malformed", statements=signed(kind=["direct"])),
        case("forged", "bad-signature", statements=[forge.jws(head, payload, mallory.signing)]),
        case(
            "made by an outsider", "not-a-member", statements=[forge.jws(strange, stranger, mallory.signing)]
        ),
        case(
            "by a device not its maker's",
            "unknown-device",
            statements=[forge.jws(strange, intruder, mallory.signing)],
        ),
        case(
            "by a newer device of its maker",
            "chain-hidden",
            statements=[forge.jws(strange, newer, mallory.signing)],
        ),
        case("names a newer head", "chain-hidden", statements=signed(head=[1, encoding.digest("x")])),
        case("names another head", "chain-fork", statements=signed(head=[0, encoding.digest("x")])),
        case(
            "other than the pinned one",
            "chain-fork",
            server=False,
            statements=signed(),
            pinned=list(made.head),
        ),
    ]
    accepted = {"statements": list(made.statements), "members": list(made.members), "head": list(made.head)}
    return {
        "about": "Statements of the direct conversation of Alice and Bob, read with the chains of `chains.json`. "
        f"`pinned` is a (seq, hash) accepted before. {SERVER}",
        "cid": identifiers.direct_conversation(UIDS["alice"], UIDS["bob"]),
        "accepted": [accepted, accepted | {"pinned": list(made.head)}],
        "refused": refused,
    }
