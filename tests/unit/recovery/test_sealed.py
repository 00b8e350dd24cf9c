import json
from typing import Any

import pytest

from common.errors import InvalidRequest
from common.recovery.sealed import require_sealed
from tests.refusals import cases
from tests.signing import b64, backup

UID, N = "alice1", 7
MEMBERS = ("protected", "iv", "ciphertext", "tag")
HEADER = ("alg", "enc", "typ", "iss", "n", "kdf", "m", "t", "p", "salt")


def made(**changed: Any) -> str:
    return backup(UID, N, **changed)


def headed(**header: Any) -> str:
    return made(header=header)


def protected() -> dict[str, Any]:
    text = json.loads(made())["protected"]
    from common.jose import decode_base64url

    value: dict[str, Any] = json.loads(decode_base64url(text, "protected"))
    return value


def without(member: str) -> str:
    return json.dumps({name: value for name, value in json.loads(made()).items() if name != member})


def header_without(member: str) -> str:
    rest = {name: value for name, value in protected().items() if name != member}
    return made(header=json.dumps(rest).encode())


OWN = "The backup must be of the caller's account, and its n that of the request."
FIXED = (
    "protected must have {'alg': 'dir', 'enc': 'A256GCM', 'typ': 'sealpost-backup+json', 'kdf': 'argon2id'}."
)
REFUSED: dict[str, dict[str, str]] = {
    "The backup must be an object with exactly the members ciphertext, iv, protected, tag.": {
        **{f"no {member}": without(member) for member in MEMBERS},
        "an encrypted_key": made(encrypted_key=""),
        "a header": made(header_=1),
        "aad": made(aad="AAAA"),
        "recipients": made(recipients=[]),
        "a list": f"[{made()}]",
        "null": "null",
    },
    "The backup is not JSON, or names a member twice.": {
        "empty": "",
        "words": "backup",
        "compact": "a..b.c.d",
        "a member twice": made()[:-1] + ',"iv":"AAAAAAAAAAAAAAAA"}',
    },
    "The backup is nested more than 16 deep.": {"deep": '{"iv":' + "[" * 20 + "]" * 20 + "}"},
    "protected must be an object with exactly the members alg, enc, iss, kdf, m, n, p, salt, t, typ.": {
        **{f"no {member} in the header": header_without(member) for member in HEADER},
        "zip": headed(zip="DEF"),
        "crit": headed(crit=["exp"]),
        "kid": headed(kid="x"),
        "a header that is a list": made(header=b"[]"),
    },
    "protected is not JSON, or names a member twice.": {
        "a header that is no JSON": made(header=b"header"),
        "alg twice": made(header=json.dumps(protected())[:-1].encode() + b',"alg":"dir"}'),
    },
    FIXED: {
        "alg PBES2": headed(alg="PBES2-HS256+A128KW"),
        "alg none": headed(alg="none"),
        "alg is a list": headed(alg=["dir"]),
        "enc A128GCM": headed(enc="A128GCM"),
        "another typ": headed(typ="sealpost+json"),
        "argon2i": headed(kdf="argon2i"),
        "kdf is null": headed(kdf=None),
    },
    OWN: {
        "another's": headed(iss="bob1"),
        "nobody's": headed(iss=None),
        "another n": headed(n=8),
        "the n before": headed(n=6),
    },
    "n must be a whole number from 1 to 2^53-1.": {
        "n is text": headed(n="7"),
        "n is 7.0": headed(n=7.0),
        "n is true": headed(n=True),
    },
    "m must be from 8 to 262144.": {
        "m is 7": headed(m=7),
        "m is a GiB": headed(m=262_145),
        "m is 0": headed(m=0),
    },
    "t must be from 1 to 10.": {"t is 0": headed(t=0), "t is 11": headed(t=11)},
    "p must be from 1 to 4.": {"p is 0": headed(p=0), "p is 5": headed(p=5)},
    "m must be a whole number from 0 to 2^53-1.": {"m is text": headed(m="65536"), "m below 0": headed(m=-1)},
    "t must be a whole number from 0 to 2^53-1.": {"t is true": headed(t=True), "t is 3.0": headed(t=3.0)},
    "p must be a whole number from 0 to 2^53-1.": {"p is null": headed(p=None), "p far off": headed(p=2**53)},
    "salt must match [A-Za-z0-9_-]{21}[AQgw].": {
        "no salt": headed(salt=""),
        "a salt of 15 bytes": headed(salt=b64(bytes(15))),
        "a salt of 17 bytes": headed(salt=b64(bytes(17))),
        "a salt with stray bits": headed(salt="A" * 21 + "B"),
        "a salt with padding": headed(salt="A" * 22 + "=="),
    },
    "iv must match [A-Za-z0-9_-]{16}.": {
        "iv of 16 bytes": made(iv=b64(bytes(16))),
        "iv is null": made(iv=None),
    },
    "tag must match [A-Za-z0-9_-]{21}[AQgw].": {
        "tag of 12 bytes": made(tag=b64(bytes(12))),
        "tag with stray bits": made(tag="A" * 21 + "B"),
    },
    "ciphertext must be a string that is not empty.": {
        "ciphertext is empty": made(ciphertext=""),
        "ciphertext is null": made(ciphertext=None),
    },
    "ciphertext is not base64url without padding (RFC 7515, section 2).": {
        "ciphertext with padding": made(ciphertext="AA=="),
        "ciphertext with stray bits": made(ciphertext="AB"),
    },
    "protected must be a string that is not empty.": {
        "protected is empty": made(protected=""),
        "protected is an object": made(protected=protected()),
    },
    "protected is not base64url without padding (RFC 7515, section 2).": {
        "protected with padding": made(protected=json.loads(made())["protected"] + "="),
    },
}


@pytest.mark.parametrize(("text", "sentence"), cases(REFUSED))
def test_any_other_form_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        require_sealed(text, UID, N)
    assert refused.value.detail == sentence


@pytest.mark.parametrize(
    "header", [{}, {"m": 8, "t": 1, "p": 1}, {"m": 262_144, "t": 10, "p": 4}], ids=["usual", "least", "most"]
)
def test_a_backup_of_the_protocol_is_taken(header: dict[str, int]) -> None:
    require_sealed(headed(**header), UID, N)
    require_sealed(json.dumps(json.loads(headed(**header)), indent=1), UID, N)


def test_a_refusal_says_nothing_of_the_backup() -> None:
    for canary in (headed(alg="canary"), made(canary="canary"), headed(iss="canary"), headed(salt="canary")):
        with pytest.raises(InvalidRequest) as caught:
            require_sealed(canary, UID, N)
        assert "canary" not in str(caught.value)
