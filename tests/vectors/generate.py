"""Write every vector file but the keys anew: ``PYTHONPATH=.:client python -m tests.vectors.generate``.

Signatures and envelopes are random, so every run gives other bytes that say the same.
"""

import json
from typing import Any

from sealpost.protocol import encoding, identifiers, proof, safety
from sealpost.protocol.envelope import padding
from sealpost.protocol.jws import Type
from tests.vectors import acts, backups, envelopes, forge, links, people, rounds, statements, tokens
from tests.vectors.people import NOW, SERVICE, person, private_key


def nested(levels: int) -> str:
    """Objects and arrays in turn, ``levels`` of them in one another."""
    opening = "".join('{"a":' if level % 2 else "[" for level in range(levels))
    return opening + "0" + "".join("}" if level % 2 else "]" for level in reversed(range(levels)))


def encodings() -> dict[str, Any]:
    data = [b"", b"\0", b"f", b"fo", b"foo", b"foob", bytes(range(250, 256)), b"\xfb\xef\xbe"]
    canonical: list[Any] = [
        None,
        0,
        2**53 - 1,
        "",
        " ~!#[]",
        [],
        {},
        [1, [2, None], {"a": "b"}],
        {"b": 1, "a": {"z": [], "A": None}, "_": "x", "B": 2},
        json.loads(nested(16)),
    ]
    return {
        "about": "Strict base64url, canonical JSON, strict JSON, identifiers.",
        "base64url": [{"hex": item.hex(), "text": encoding.b64encode(item)} for item in data],
        "base64url_refused": ["Zg==", "Zh", "Zm9", "Z", "Zg\n", " Zg", "Z+", "Z/", "Zg.", "Zé"],
        "canonical": [
            {"value": value, "text": encoding.canonical(value), "sha256": encoding.canonical_hash(value)}
            for value in canonical
        ],
        "canonical_refused": [
            *(
                "true",
                "false",
                "1.0",
                "1e2",
                "-1",
                "9007199254740992",
                '"\\""',
                '"\\\\"',
                '"\\n"',
                '"\\u007f"',
                '"\\u00e9"',
            ),
            *('{"\\u00e9":1}', '[{"a":true}]', nested(17), nested(400)),
        ],
        "json": [
            '{"a":1}',
            ' [1,\t"\\u00e9", null]\n',
            '{"a":{"a":1}}',
            '"\\ud83d\\ude00"',
            nested(16),
            '"[[[[[[[[[[[[[[[[["',
        ],
        "json_refused": [
            *(
                "",
                "{",
                '{"a":1,"a":2}',
                '{"b":{"a":1,"a":1}}',
                '{"a":1,"\\u0061":2}',
                "NaN",
                "[Infinity]",
                "{'a':1}",
            ),
            *("[1,]", '"\\ud800"', '"a\nb"', "\ufeff{}", "1 2", nested(17), nested(400), "[" * 20_000),
        ],
        "uid_refused": ["", "a" * 129, "a-b", "a.b", "é", "ab\n"],
        "message_id": ["0190f7a2-5c3e-7abc-8def-0123456789ab"],
        "message_id_refused": [
            *("0190F7A2-5C3E-7ABC-8DEF-0123456789AB", "0190f7a2-5c3e-4abc-8def-0123456789ab"),
            *("0190f7a2-5c3e-7abc-cdef-0123456789ab", "0190f7a25c3e7abc8def0123456789ab"),
            "0190f7a2-5c3e-7abc-8def-0123456789ab\n",
        ],
        "direct_conversation": [
            {
                "uids": [people.UIDS[a], people.UIDS[b]],
                "cid": identifiers.direct_conversation(people.UIDS[a], people.UIDS[b]),
            }
            for a, b in (("alice", "bob"), ("bob", "alice"), ("alice", "mallory"))
        ],
        "padding": [
            {"body_bytes": size, "pad": padding(size)}
            for size in (
                0,
                1,
                255,
                256,
                257,
                512,
                513,
                1024,
                1025,
                2048,
                2049,
                4096,
                4097,
                8192,
                8193,
                32_767,
                32_768,
            )
        ],
    }


def safety_numbers() -> dict[str, Any]:
    cases = []
    for a, b in (("alice", "bob"), ("bob", "alice"), ("alice", "mallory")):
        one, two = person(a).chain.head, person(b).chain.head
        number = safety.safety_number(one.uid, one.root, two.uid, two.root)
        cases.append({"a": [one.uid, one.root], "b": [two.uid, two.root], "number": number})
    return {"about": "Safety numbers of two (uid, root).", "cases": cases}


def proofs() -> dict[str, Any]:
    key, stranger = private_key("alice_signing"), private_key("mallory_signing")
    jti = "jV0tq1cWb4Yk7Qm2Zs9xDA"
    good = {
        "aud": SERVICE,
        "htm": "POST",
        "htu": f"{SERVICE}/v1/create_session",
        "iat": NOW,
        "jti": jti,
        "ath": encoding.digest("the-mailed-code"),
    }
    head = forge.header(Type.SESSION, key)
    one_less = {name: value for name, value in good.items() if name != "ath"}
    made = proof.session_proof(
        service_url=SERVICE,
        function="create_session",
        credential="the-mailed-code",
        now=NOW,
        key=key,
        jti=jti,
    )
    refused = [
        ("another typ", forge.jws(head | {"typ": "JWT"}, good, key)),
        ("a jwk in the header", forge.jws(head | {"jwk": key.public.to_json()}, good, key)),
        ("no typ in the header", forge.jws({"alg": "PS256", "kid": key.kid}, good, key)),
        ("alg is not the type's", forge.jws(head | {"alg": "RS256"}, good, key)),
        ("aud has a trailing slash", forge.jws(head, good | {"aud": SERVICE + "/"}, key)),
        ("another service", forge.jws(head, good | {"aud": "https://evil.example"}, key)),
        ("another function", forge.jws(head, good | {"htu": f"{SERVICE}/v1/publish_key"}, key)),
        ("another method", forge.jws(head, good | {"htm": "GET"}, key)),
        ("121 s old", forge.jws(head, good | {"iat": NOW - 121}, key)),
        ("121 s ahead", forge.jws(head, good | {"iat": NOW + 121}, key)),
        ("iat is a float", forge.jws(head, good | {"iat": NOW + 0.5}, key)),
        ("iat is a string", forge.jws(head, good | {"iat": str(NOW)}, key)),
        ("another credential", forge.jws(head, good | {"ath": encoding.digest("another")}, key)),
        ("jti of 21 characters", forge.jws(head, good | {"jti": "a" * 21}, key)),
        ("jti is not base64url", forge.jws(head, good | {"jti": "a" * 21 + "."}, key)),
        ("one member too many", forge.jws(head, good | {"nonce": "x"}, key)),
        ("one member too few", forge.jws(head, one_less, key)),
        ("signed by another key under this kid", forge.jws(head, good, stranger)),
        ("salt of 20 bytes", forge.jws(head, good, key, salt=20)),
        ("padded base64url", made + "="),
        ("trailing newline", made + "\n"),
    ]
    return {
        "about": "Proof of create_session by Alice's device, as the service checks it at `now` (seconds). "
        "Every refused one is `invalid-proof`, but that the accepted one is refused a second time.",
        "service_url": SERVICE,
        "function": "create_session",
        "credential": "the-mailed-code",
        "device": key.kid,
        "now": NOW,
        "accepted": {"claims": good, "proof": made},
        "refused": [{"name": name, "proof": token} for name, token in refused],
    }


def main() -> None:
    contents = {
        "encodings.json": encodings(),
        "jwk.json": tokens.jwks(),
        "jws.json": tokens.signatures(),
        "chains.json": statements.chains(),
        "acts.json": acts.build(),
        "links.json": links.build(),
        "encryption_keys.json": statements.encryption_keys(),
        "conversations.json": statements.conversations(),
        "self_conversations.json": rounds.self_conversations(),
        "recipients.json": rounds.recipients(),
        "envelopes.json": envelopes.build(),
        "backups.json": backups.build(),
        "proofs.json": proofs(),
        "safety.json": safety_numbers(),
    }
    for name, content in contents.items():
        people.write(name, content)


if __name__ == "__main__":
    main()
