"""Key backups of Alice, under a cheap key derivation: right ones, and every way of refusing one."""

from typing import Any, Final

from argon2.low_level import Type as Argon2
from argon2.low_level import hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealpost.protocol.encoding import b64encode, digest
from tests.vectors import acts, forge
from tests.vectors.acts import TWO
from tests.vectors.later import BODY, head
from tests.vectors.people import UIDS, private_key
from tests.vectors.tokens import SERVER, case

CODE: Final = "5M3QZ8T1K7WBC0XN2RHE9VJ4"
SALT, IV = bytes(range(16)), bytes(range(12))
HEADER: Final = {
    "alg": "dir",
    "enc": "A256GCM",
    "typ": "sealpost-backup+json",
    "iss": UIDS["alice"],
    "n": 2,
    "kdf": "argon2id",
    "m": 8,
    "t": 1,
    "p": 1,
    "salt": b64encode(SALT),
}


def content(**changed: object) -> dict[str, Any]:
    seq, statement_hash = head(TWO)
    return {
        "v": 1,
        "uid": UIDS["alice"],
        "head": {"uid": UIDS["alice"], "root": digest(TWO[0]), "seq": seq, "hash": statement_hash},
        "history_keys": [private_key(name).to_json() for name in ("alice_history", "alice_next_history")],
        "pins": BODY["pins"],
    } | changed


def key(code: str = CODE, *, m: int = 8, t: int = 1, p: int = 1) -> bytes:
    return hash_secret_raw(code.encode(), SALT, t, m, p, 32, Argon2.ID)


def sealed(inside: object = None, *, derived: bytes | None = None, **changed: Any) -> dict[str, str]:
    """The members of a backup; ``changed`` is of its protected header."""
    plaintext = forge.text(content() if inside is None else inside).encode()
    plaintext += b" " * (-len(plaintext) % 4096)
    kept = {name: value for name, value in (HEADER | changed).items() if value is not None}
    protected = b64encode(forge.text(kept).encode())
    ciphertext = AESGCM(derived or key()).encrypt(IV, plaintext, protected.encode())
    return {
        "protected": protected,
        "iv": b64encode(IV),
        "ciphertext": b64encode(ciphertext[:-16]),
        "tag": b64encode(ciphertext[-16:]),
    }


def _flip(part: str) -> str:
    return ("A" if part[0] != "A" else "B") + part[1:]


def _shapes() -> dict[str, object]:
    good = sealed()
    return {
        "not JSON": "backup",
        "a list": [good],
        "a duplicate member": forge.text(good)[:-1] + f',"tag":"{good["tag"]}"}}',
        "General JSON": good | {"recipients": [{}]},
        "with an encrypted_key": good | {"encrypted_key": ""},
        "an unprotected header": good | {"header": {}},
        "no tag": {name: value for name, value in good.items() if name != "tag"},
        "tag of 15 bytes": good | {"tag": good["tag"][:20]},
        "iv of 9 bytes": good | {"iv": good["iv"][:12]},
        "iv is null": good | {"iv": None},
        "ciphertext with padding": good | {"ciphertext": good["ciphertext"] + "="},
        "ciphertext is a list": good | {"ciphertext": []},
        "protected is an object": good | {"protected": HEADER},
        "protected is a list": good | {"protected": b64encode(b"[]")},
        "longer than 96 KiB": good | {"ciphertext": "A" * 98304},
    }


def _headers() -> dict[str, dict[str, Any]]:
    return {
        "another alg": {"alg": "A256KW"},
        "another enc": {"enc": "A128GCM"},
        "another typ": {"typ": "sealpost+json"},
        "another kdf": {"kdf": "scrypt"},
        "zip": {"zip": "DEF"},
        "crit": {"crit": ["kdf"]},
        "no salt": {"salt": None},
        "no kdf": {"kdf": None},
        "salt of 15 bytes": {"salt": b64encode(SALT[:15])},
        "salt with unused bits": {"salt": b64encode(SALT)[:-1] + "x"},
        "salt is a number": {"salt": 1},
        "n is 0": {"n": 0},
        "n is true": {"n": True},
        "another account's": {"iss": UIDS["bob"]},
        "m of 256 MiB and more": {"m": 262145},
        "m of a terabyte": {"m": 2**30},
        "m of 7": {"m": 7},
        "m is a float": {"m": 8.5},
        "m is a text": {"m": "8"},
        "t of 0": {"t": 0},
        "t of 11": {"t": 11},
        "t of a billion": {"t": 10**9},
        "p of 0": {"p": 0},
        "p of 5": {"p": 5, "m": 64},
    }


def _contents() -> dict[str, object]:
    signing, public = private_key("alice_signing"), private_key("alice_history").public
    keys, stated = content()["history_keys"], content()["head"]
    return {
        "content is not JSON": "backup",
        "content is a list": [],
        "content without v": {name: value for name, value in content().items() if name != "v"},
        "content with one member too many": content(note="x"),
        "no history key": content(history_keys=[]),
        "a public history key": content(history_keys=[public.to_json()]),
        "a signing key": content(history_keys=[signing.to_json()]),
        "one history key twice": content(history_keys=[keys[0], keys[0]]),
        "private members of another key": content(history_keys=[keys[0] | {"d": keys[1]["d"]}]),
        "head of another account": content(head=stated | {"uid": UIDS["bob"]}),
        "uid is not that of head": content(uid=UIDS["bob"]),
        "holds another account's": content(uid=UIDS["bob"], head=stated | {"uid": UIDS["bob"]}),
        "head with one member too many": content(head=stated | {"at": 1}),
        "two pins of one account": content(pins=BODY["pins"] * 2),
        "pins is an object": content(pins={}),
    }


def build() -> dict[str, Any]:
    good, plain = forge.text(sealed()), content(history_keys=content()["history_keys"][:1], pins=[])
    older = forge.text(sealed(n=1))
    lanes = forge.text(sealed(plain, derived=key(m=64, t=2, p=4), m=64, t=2, p=4))

    def refused(
        name: str, code: str, text: object, *, server: bool = True, **other: object
    ) -> dict[str, Any]:
        """A case whose text is the announced one."""
        text = forge.text(text)
        announced = {"n": 2, "hash": digest(text) if text.isascii() else digest("x")}
        return case(name, code, server=server, **{"backup": text, "announced": announced} | other)

    def accepted(name: str, text: str, inside: dict[str, Any], derived: bytes) -> dict[str, Any]:
        announced = {"n": 2, "hash": digest(text)}
        return {"name": name, "backup": text, "announced": announced, "key": derived.hex(), "content": inside}

    announced = {"n": 2, "hash": digest(good)}
    damaged = {name: sealed() | {name: _flip(sealed()[name])} for name in ("ciphertext", "tag", "iv")} | {
        "cost": sealed(derived=key(), t=2)
    }
    return {
        "about": "Alice's key backups. `recovery_code` opens them; `typed` are ways of typing it, `mistyped` are refused "
        "with that code. `announced` is what her chain says of the backup; `key` is Argon2id's output in hex. What is "
        "refused with `malformed` is so before any key is derived, if not for its content. `chains` says whether a chain "
        f"goes on from the head inside the first accepted backup. {SERVER}",
        "uid": UIDS["alice"],
        "recovery_code": CODE,
        "typed": [
            {"name": "as shown", "text": "5M3Q-Z8T1-K7WB-C0XN-2RHE-9VJ4"},
            {"name": "in lower case, with spaces", "text": "5m3q z8tl k7wb coxn 2rhe 9vj4 "},
        ],
        "mistyped": [
            {"name": "23 characters", "text": CODE[:-1]},
            {"name": "a linking secret", "text": "7Q2M-0XK4-ZB9T-1HRC"},
            {"name": "U is no letter of it", "text": CODE[:-1] + "U"},
        ],
        "accepted": [
            accepted("two history keys and a pin", good, content(), key()),
            accepted("four lanes, no pins", lanes, plain, key(m=64, t=2, p=4)),
        ],
        "refused": [
            refused("another code", "backup-unreadable", good, server=False, recovery_code=CODE[:-1] + "5"),
            *(
                refused(f"damaged {name}, and announced so", "backup-unreadable", text, server=False)
                for name, text in damaged.items()
            ),
            case("truncated", "backup-stale", server=True, backup=good[:-40], announced=announced),
            case("an older one", "backup-stale", server=False, backup=older, announced=announced),
            case("not ASCII", "backup-stale", server=True, backup=good + "é", announced=announced),
            case("with a newline", "backup-stale", server=False, backup=good + "\n", announced=announced),
            case(
                "of another number", "backup-stale", server=False, backup=good, announced=announced | {"n": 3}
            ),
            *(refused(name, "malformed", shape) for name, shape in _shapes().items()),
            *(refused(name, "malformed", sealed(**header)) for name, header in _headers().items()),
            refused("less than 8 KiB of memory a lane", "malformed", sealed(p=4), server=False),
            *(
                refused(name, "malformed", sealed(inside), server=False)
                for name, inside in _contents().items()
            ),
            refused("content of v 2", "update-needed", sealed(content(v=2)), server=False),
        ],
        "chains": [
            {"name": "the same", "code": None, "statements": list(TWO)},
            {
                "name": "grown since",
                "code": None,
                "statements": list(acts.resetting(TWO, acts.PHONE)),
            },
            {"name": "shorter", "code": "chain-rollback", "statements": list(acts.ONE)},
            {
                "name": "another one",
                "code": "chain-fork",
                "statements": list(acts.adding(acts.ONE, acts.PHONE, acts.ALICE)),
            },
        ],
    }
