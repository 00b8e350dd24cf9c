"""Cases of sealed messages from Alice to Bob: some that open, and one for each way of refusing."""

import secrets
from typing import Any

from sealpost.protocol import encoding
from sealpost.protocol.context import kids_hash
from sealpost.protocol.encoding import b64encode
from sealpost.protocol.jws import Type
from tests.vectors import forge, later
from tests.vectors.messages import (
    MID,
    MILLISECONDS,
    OTHER_HASH,
    both_keys,
    canonical,
    case,
    context,
    document,
    edited,
    flip,
    inner,
    nested,
    random_kid,
    sealed,
)
from tests.vectors.people import direct, person, private_key

_RECEIVER: dict[str, Any] = {
    "uid": person("bob").uid,
    "device": person("bob").device,
    "keys": [
        {
            "kid": person("bob").encryption.kid,
            "key": "bob_encryption",
            "uid": person("bob").uid,
            "device": person("bob").device,
        }
    ],
    "destroyed": [],
}


def _shape() -> list[dict[str, Any]]:
    """Check 1, which the service makes too."""
    alice, bob = person("alice"), person("bob")
    good = sealed()
    both = sealed(context(kids=kids_hash([bob.encryption.kid, alice.encryption.kid])), keys=both_keys())
    ctx_hash = encoding.sha256(canonical(context()).encode())
    text = forge.text(good)
    entry = good["recipients"][0]

    def protected(**changed: object) -> dict[str, Any]:
        return good | {"protected": b64encode(forge.text(forge.protected(ctx_hash, **changed)).encode())}

    without_typ = {name: value for name, value in forge.protected(ctx_hash).items() if name != "typ"}
    refused: dict[str, dict[str, Any] | str] = {
        "not JSON": "sealed",
        "not an object": "[]",
        "duplicate member": text[:-1] + ',"tag":"' + good["tag"] + '"}',
        "non-ASCII": text.replace('{"protected"', '{"é":1,"protected"'),
        "aad": good | {"aad": "eA"},
        "unprotected": good | {"unprotected": {}},
        "flattened": {name: value for name, value in good.items() if name != "recipients"} | entry,
        "compact": f"{good['protected']}.{entry['encrypted_key']}.{good['iv']}.{good['ciphertext']}.{good['tag']}",
        "no tag": {name: value for name, value in good.items() if name != "tag"},
        "no recipients": good | {"recipients": []},
        "101 recipients": good
        | {
            "recipients": [
                entry | {"header": {"kid": kid}} for kid in sorted(random_kid() for _ in range(101))
            ]
        },
        "recipients descending": both | {"recipients": both["recipients"][::-1]},
        "one recipient twice": good | {"recipients": [entry, entry]},
        "alg in a recipient's header": good
        | {"recipients": [entry | {"header": entry["header"] | {"alg": "dir"}}]},
        "recipient without a header": good | {"recipients": [{"encrypted_key": entry["encrypted_key"]}]},
        "kid of another length": good | {"recipients": [entry | {"header": {"kid": "x"}}]},
        "encrypted_key of 256 bytes": good
        | {"recipients": [entry | {"encrypted_key": entry["encrypted_key"][:342]}]},
        "iv of 9 bytes": good | {"iv": good["iv"][:12]},
        "tag of 15 bytes": good | {"tag": good["tag"][:20]},
        "tag with unused bits": good | {"tag": good["tag"][:-1] + "B"},
        "recipients is an object": good | {"recipients": entry},
        "recipients is a number": good | {"recipients": 1},
        "recipient is a text": good | {"recipients": ["x"]},
        "encrypted_key is null": good | {"recipients": [entry | {"encrypted_key": None}]},
        "iv is null": good | {"iv": None},
        "ciphertext is null": good | {"ciphertext": None},
        "padded ciphertext": good | {"ciphertext": good["ciphertext"] + "="},
        "empty ciphertext": good | {"ciphertext": ""},
        "protected is not base64url": good | {"protected": good["protected"] + "."},
        "protected is an object": good | {"protected": forge.protected(ctx_hash)},
        "protected holds a list": good | {"protected": b64encode(b"[]")},
        "protected is not JSON": good | {"protected": b64encode(b"protected")},
        "duplicate member in protected": good
        | {
            "protected": b64encode(
                forge.text(forge.protected(ctx_hash)).replace('"v":1', '"v":1,"v":1').encode()
            )
        },
        "zip": protected(zip="DEF"),
        "crit": protected(crit=["v"]),
        "kid in protected": protected(kid=entry["header"]["kid"]),
        "RSA-OAEP with SHA-1": protected(alg="RSA-OAEP"),
        "RSA1_5": protected(alg="RSA1_5"),
        "A256CBC-HS512": protected(enc="A256CBC-HS512"),
        "another typ": protected(typ="JWE"),
        "another cty": protected(cty="sealpost-key+jwt"),
        "no typ": good | {"protected": b64encode(forge.text(without_typ).encode())},
        "ctx is not a hash": protected(ctx="x"),
        "v is true": protected(v=True),
        "v is a string": protected(v="1"),
        "nested 17 deep": good | {"aad": nested(16)},
        "protected nested 17 deep": protected(x=nested(16)),
    }
    return [
        case(name, "malformed", document(envelope), server=True) for name, envelope in refused.items()
    ] + [case("v is 2", "update-needed", document(protected(v=2)), server=True)]


def _decryption() -> list[dict[str, Any]]:
    """Checks 2 to 4."""
    alice, bob = person("alice"), person("bob")
    kid = bob.encryption.kid
    nobody: dict[str, Any] = {"uid": bob.uid, "device": bob.device, "keys": [], "destroyed": []}

    def altered(name: str) -> dict[str, Any]:
        return edited(lambda envelope: envelope.update({name: flip(envelope[name])}))

    def other_entry(envelope: dict[str, Any]) -> None:
        envelope["recipients"][0]["encrypted_key"] = b64encode(
            forge.rsa_public(bob.encryption.public).encrypt(secrets.token_bytes(32), forge.OAEP)
        )

    def altered_entry(envelope: dict[str, Any]) -> None:
        envelope["recipients"][0]["encrypted_key"] = flip(envelope["recipients"][0]["encrypted_key"])

    head = forge.protected(OTHER_HASH)
    other_protected = sealed() | {"protected": b64encode(forge.text(head).encode())}
    token = inner(context())
    pad = "0" * 5 + "1"
    return [
        case("for another device", "not-for-me", document(sealed(keys=[alice.encryption.public]))),
        case(
            "for a key no longer held",
            "key-destroyed",
            document(sealed()),
            receiver=nobody | {"destroyed": [kid]},
        ),
        case("altered ciphertext", "undecryptable", document(altered("ciphertext"))),
        case("altered tag", "undecryptable", document(altered("tag"))),
        case("altered iv", "undecryptable", document(altered("iv"))),
        case("altered protected header", "undecryptable", document(other_protected)),
        case("altered encrypted_key", "undecryptable", document(edited(altered_entry))),
        case("another content key", "undecryptable", document(edited(other_entry))),
        case("content key of 16 bytes", "undecryptable", document(sealed(content_key=b"k" * 16))),
        case("plaintext is no JWS", "malformed", document(sealed(plaintext="hello"))),
        case("plaintext is not ASCII", "malformed", document(sealed(plaintext="é" + token[1:]))),
        case("newline after the JWS", "malformed", document(sealed(plaintext=token + "\n"))),
        case(
            "inner typ of a key statement",
            "malformed",
            document(sealed(plaintext=inner(context(), head=forge.header(Type.KEY, alice.signing)))),
        ),
        case("pad is not zeros", "malformed", document(sealed(plaintext=inner(context(), pad=pad)))),
        case("pad is a number", "malformed", document(sealed(plaintext=inner(context(), pad=0)))),
        case("body is a list", "malformed", document(sealed(plaintext=inner(context(), body=[])))),
        case("body without a type", "malformed", document(sealed(plaintext=inner(context(), body={})))),
        case(
            "a member beside ctx, body, pad", "malformed", document(sealed(plaintext=inner(context(), x=1)))
        ),
        case("a member more in ctx", "malformed", document(sealed(context(x=1)))),
        case("ctx is a list", "malformed", document(sealed(plaintext=inner([])))),
        case("ctx ext is a list", "malformed", document(sealed(context(ext=[])))),
        case("ext holds a boolean", "malformed", document(sealed(context(ext={"a": True})))),
        case("ext is nested 400 deep", "malformed", document(sealed(context(ext=nested(400))))),
        case("conv is an object", "malformed", document(sealed(context(conv={})))),
        case(
            "head with a third item",
            "malformed",
            document(sealed(context(heads={alice.uid: [0, OTHER_HASH, 1]}))),
        ),
        case("n is 0", "malformed", document(sealed(context(n=0)))),
        case("exp is a string", "malformed", document(sealed(context(exp="1")))),
        case("cid is no hash", "malformed", document(sealed(context(cid="x")))),
        case("heads is a list", "malformed", document(sealed(context(heads=[])))),
        case("ctx v is 2", "update-needed", document(sealed(context(v=2)))),
    ]


def _place() -> list[dict[str, Any]]:
    """Checks 5 to 9 and the heads."""
    alice, bob, mallory = person("alice"), person("bob"), person("mallory")
    good = sealed()
    elsewhere = direct("alice", "mallory")
    a_head, b_head, m_head = ([0, someone.chain.head.hash] for someone in (alice, bob, mallory))
    mine = {"uid": bob.uid, "device": bob.device, "destroyed": []}
    key_of = {"kid": bob.encryption.kid, "key": "bob_encryption", "uid": bob.uid, "device": bob.device}
    both = sealed(context(kids=kids_hash(key.kid for key in both_keys())), keys=both_keys())
    mine_only = [entry for entry in both["recipients"] if entry["header"]["kid"] == bob.encryption.kid]

    def swap(envelope: dict[str, Any]) -> None:
        for entry in envelope["recipients"]:
            if entry["header"]["kid"] != bob.encryption.kid:
                entry["header"]["kid"] = random_kid()
        envelope["recipients"].sort(key=lambda entry: entry["header"]["kid"])

    alone = context(heads={alice.uid: a_head})
    posing = context(dev=mallory.device)
    forged = inner(context(), signer="mallory", head=forge.header(Type.MESSAGE, alice.signing))
    late = MILLISECONDS + 60_000
    lasting = sealed(context(exp=late))
    intruding = context(uid=mallory.uid, dev=mallory.device, heads={mallory.uid: m_head, bob.uid: b_head})
    absent = context(
        cid=elsewhere.cid,
        conv=list(elsewhere.head),
        heads={alice.uid: a_head, bob.uid: b_head, mallory.uid: m_head},
    )
    return [
        case("outer ctx of another message", "context", document(sealed(head=forge.protected(OTHER_HASH)))),
        case("in another conversation", "context", document(good, cid=elsewhere.cid)),
        case("under another id", "context", document(good, mid=MID[:-1] + "2")),
        case("as another sender's", "context", document(good, sender_uid=mallory.uid)),
        case("as another device's", "context", document(good, sender_device=mallory.device)),
        case("expiry prolonged", "context", document(lasting, expires_at=late + 1)),
        case("expiry taken away", "context", document(lasting, expires_at=None)),
        case("receiver not in heads", "context", document(sealed(context(heads={alice.uid: a_head})))),
        case(
            "receiver not in heads, and forged",
            "context",
            document(sealed(alone, plaintext=inner(alone, signer="mallory"))),
        ),
        case("sender not in heads", "context", document(sealed(context(heads={bob.uid: b_head})))),
        case(
            "key of another account",
            "context",
            document(good),
            receiver=mine | {"keys": [key_of | {"uid": alice.uid}]},
        ),
        case(
            "key of another device",
            "context",
            document(good),
            receiver=mine | {"keys": [key_of | {"device": alice.device}]},
        ),
        case("a head too many", "context", document(sealed(context(heads=absent["heads"])))),
        case("a recipient dropped", "recipients", document(both | {"recipients": mine_only})),
        case("a recipient swapped", "recipients", document(edited(swap, both))),
        case(
            "by a device not the sender's",
            "unknown-device",
            document(sealed(posing, plaintext=inner(posing, signer="mallory")), sender_device=mallory.device),
        ),
        case("forged", "bad-signature", document(sealed(plaintext=forged))),
        case(
            "signed by another than dev",
            "bad-signature",
            document(sealed(plaintext=inner(context(), signer="mallory"))),
        ),
        case(
            "by an outsider",
            "not-a-member",
            document(
                sealed(intruding, plaintext=inner(intruding, signer="mallory")),
                sender_uid=mallory.uid,
                sender_device=mallory.device,
            ),
        ),
        case(
            "to an outsider",
            "not-a-member",
            document(sealed(absent), cid=elsewhere.cid),
            known={"conversation": {"maker": "alice", "statements": list(elsewhere.statements)}},
        ),
        case("another message of this id", "replayed", document(good), known={"seen": OTHER_HASH}),
        case("expired", "expired", document(lasting, expires_at=late), known={"now": late}),
        case(
            "sender's chain unknown",
            "chain-hidden",
            document(good),
            known={"chains": {bob.uid: list(bob.chain.statements)}},
        ),
        case("conversation unknown", "chain-hidden", document(good), known={"conversation": None}),
        case(
            "sender's head newer",
            "chain-hidden",
            document(sealed(context(heads={alice.uid: [1, OTHER_HASH], bob.uid: b_head}))),
        ),
        case(
            "sender's device newer",
            "chain-hidden",
            document(
                sealed(
                    context(dev=mallory.device, heads={alice.uid: [1, OTHER_HASH], bob.uid: b_head}),
                    plaintext=inner(
                        context(dev=mallory.device, heads={alice.uid: [1, OTHER_HASH], bob.uid: b_head}),
                        signer="mallory",
                    ),
                ),
                sender_device=mallory.device,
            ),
        ),
        case(
            "receiver's head newer",
            "chain-hidden",
            document(sealed(context(heads={alice.uid: a_head, bob.uid: [1, OTHER_HASH]}))),
        ),
        case(
            "sender's head another",
            "chain-fork",
            document(sealed(context(heads={alice.uid: [0, OTHER_HASH], bob.uid: b_head}))),
        ),
        case(
            "receiver's head another",
            "chain-fork",
            document(sealed(context(heads={alice.uid: a_head, bob.uid: [0, OTHER_HASH]}))),
        ),
        case("conversation head newer", "chain-hidden", document(sealed(context(conv=[1, OTHER_HASH])))),
        case("conversation head another", "chain-fork", document(sealed(context(conv=[0, OTHER_HASH])))),
    ]


def _accepted(name: str, envelope: dict[str, Any], doc: dict[str, Any], **other: Any) -> dict[str, Any]:
    [opener] = other.get("receiver", _RECEIVER)["keys"]
    token = forge.open_jwe(envelope, opener["kid"], private_key(opener["key"]))
    payload = encoding.loads(encoding.b64decode(token.split(".")[1]))
    return {
        "name": name,
        "document": doc,
        "protected": encoding.b64decode(envelope["protected"]).decode(),
        "inner": token,
        "inner_hash": encoding.digest(token),
        "ctx": payload["ctx"],
        "ctx_canonical": canonical(payload["ctx"]),
        "ctx_hash": encoding.canonical_hash(payload["ctx"]),
        "kids": [entry["header"]["kid"] for entry in envelope["recipients"]],
        "kids_hash": payload["ctx"]["kids"],
        "body": payload["body"],
        "notices": [],
        **other,
    }


def build() -> dict[str, Any]:
    alice, bob, mallory = person("alice"), person("bob"), person("mallory")
    good = sealed()
    both = sealed(context(kids=kids_hash(key.kid for key in both_keys()), ext={"later": 1}), keys=both_keys())
    late = MILLISECONDS + 60_000
    lasting = sealed(context(exp=late))
    gap = sealed(context(n=3))
    deep = sealed(context(ext=nested(14)))
    slow = sealed(context(iat=MILLISECONDS - 700_000))
    seen = _accepted("seen before: nothing to show", good, document(good))
    return {
        "about": "Messages from Alice to Bob as Bob's device opens them. A case replaces whole members of the top-level "
        "`receiver` and `known` by its own. `keys` names private keys of keys.json; `known.chains` has pinned chains by "
        "uid, `known.conversation` the pinned conversation, `known.seen` the inner hash seen under this id, "
        "`known.highest_n` the highest n seen of the sending device, `known.now` milliseconds. `server` says whether "
        "the service, which sees only the envelope, refuses the case too.",
        "receiver": _RECEIVER,
        "known": {
            "chains": {someone.uid: list(someone.chain.statements) for someone in (alice, bob, mallory)},
            "conversation": {"maker": "alice", "statements": list(direct("alice", "bob").statements)},
            "seen": None,
            "highest_n": 0,
            "now": MILLISECONDS + 1000,
        },
        "accepted": [
            _accepted("one recipient", good, document(good)),
            _accepted("two recipients, ext", both, document(both)),
            _accepted("disappearing", lasting, document(lasting, expires_at=late)),
            _accepted("nested as deep as may be", deep, document(deep)),
            _accepted("gap", gap, document(gap), notices=["gap"]),
            _accepted("slow clock", slow, document(slow), notices=["clock"]),
            seen | {"known": {"seen": seen["inner_hash"]}, "already_seen": True},
            *(_accepted(name, envelope, doc, **other) for name, envelope, doc, other in later.accepted()),
        ],
        "refused": _shape() + _decryption() + _place() + later.refused(),
    }
