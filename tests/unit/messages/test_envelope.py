import json
from typing import Any

import pytest

from common.errors import InvalidRequest
from common.messages.envelope import read_kids
from tests.refusals import cases
from tests.signing import b64, digest, envelope, recipient

KIDS = tuple(sorted(digest(f"key {number}") for number in range(3)))
A, B, C = KIDS
PROTECTED = {
    "v": 1,
    "alg": "RSA-OAEP-256",
    "enc": "A256GCM",
    "typ": "sealpost+json",
    "cty": "sealpost-msg+jwt",
    "ctx": digest("context"),
}


def sealed(**changed: Any) -> str:
    return envelope(*KIDS, **changed)


def headed(**header: Any) -> str:
    return sealed(header=header)


def without(member: str) -> str:
    return json.dumps({name: value for name, value in json.loads(sealed()).items() if name != member})


def one_more(member: str, value: Any) -> str:
    return json.dumps(json.loads(sealed()) | {member: value})


def entry(**changed: Any) -> str:
    return sealed(recipients=[recipient(A) | changed])


FLATTENED = {
    "protected": json.loads(sealed())["protected"],
    "header": {"kid": A},
    "encrypted_key": b64(bytes(384)),
    "iv": b64(bytes(12)),
    "ciphertext": b64(b"x"),
    "tag": b64(bytes(16)),
}
COMPACT = ".".join(FLATTENED[part] for part in ("protected", "encrypted_key", "iv", "ciphertext", "tag"))

REFUSED = {
    "The envelope must be an object with exactly the members ciphertext, iv, protected, recipients, tag.": {
        "flattened": json.dumps(FLATTENED),
        "a list": f"[{sealed()}]",
        **{
            f"no {member}": without(member)
            for member in ("protected", "recipients", "iv", "ciphertext", "tag")
        },
        "aad": one_more("aad", "AAAA"),
        "unprotected": one_more("unprotected", {"zip": "DEF"}),
        "an unknown member": one_more("x", 1),
    },
    "The envelope is not JSON, or names a member twice.": {
        "compact": COMPACT,
        "empty": "",
        "not JSON": "envelope",
        "a member twice": sealed()[:-1] + ',"iv":"AAAAAAAAAAAAAAAA"}',
    },
    "recipients must be distinct and ascend by kid.": {
        "kid twice": sealed(recipients=[recipient(A), recipient(A)]),
        "kid twice, apart": sealed(recipients=[recipient(A), recipient(B), recipient(A)]),
        "descending": sealed(recipients=[recipient(B), recipient(A)]),
        "unsorted": sealed(recipients=[recipient(A), recipient(C), recipient(B)]),
    },
    "An envelope has 1 to 100 recipients.": {
        "no recipient": sealed(recipients=[]),
        "101 recipients": envelope(*(digest(f"key {number}") for number in range(101))),
        "recipients are an object": sealed(recipients={A: recipient(A)}),
        "recipients is null": sealed(recipients=None),
    },
    "A recipient must be an object with exactly the members encrypted_key, header.": {
        "a recipient is a kid": sealed(recipients=[A]),
        "a recipient without a header": sealed(recipients=[{"encrypted_key": b64(bytes(384))}]),
        "a recipient without a key": sealed(recipients=[{"header": {"kid": A}}]),
        "a recipient with more": entry(alg="RSA1_5"),
    },
    "A recipient's header must be an object with exactly the members kid.": {
        "alg in a recipient's header": entry(header={"kid": A, "alg": "RSA1_5"}),
        "epk in a recipient's header": entry(header={"kid": A, "epk": {}}),
        "a recipient's header without kid": entry(header={}),
        "a recipient's header is a kid": entry(header=A),
    },
    "kid must match [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048].": {
        "kid is a number": entry(header={"kid": 1}),
        "kid is no thumbprint": entry(header={"kid": "alice"}),
        "kid with unused bits": entry(header={"kid": "A" * 42 + "B"}),
    },
    "encrypted_key must match [A-Za-z0-9_-]{512}.": {
        "encrypted_key of 383 bytes": entry(encrypted_key=b64(bytes(383))),
        "encrypted_key of 256 bytes": entry(encrypted_key=b64(bytes(256))),
        "encrypted_key is empty": entry(encrypted_key=""),
        "encrypted_key is null": entry(encrypted_key=None),
        "encrypted_key with padding": entry(encrypted_key="A" * 510 + "=="),
    },
    "iv must match [A-Za-z0-9_-]{16}.": {
        "iv of 16 bytes": sealed(iv=b64(bytes(16))),
        "iv of 11 bytes": sealed(iv=b64(bytes(11))),
        "iv is null": sealed(iv=None),
    },
    "tag must match [A-Za-z0-9_-]{21}[AQgw].": {
        "tag of 12 bytes": sealed(tag=b64(bytes(12))),
        "tag with unused bits": sealed(tag="A" * 21 + "B"),
        "tag with padding": sealed(tag="A" * 22 + "=="),
        "tag is empty": sealed(tag=""),
    },
    "ciphertext must be a string that is not empty.": {
        "ciphertext is empty": sealed(ciphertext=""),
        "ciphertext is null": sealed(ciphertext=None),
    },
    "ciphertext is not base64url without padding (RFC 7515, section 2).": {
        "ciphertext with padding": sealed(ciphertext="AA=="),
        "ciphertext with unused bits": sealed(ciphertext="AB"),
        "ciphertext in the standard alphabet": sealed(ciphertext="AA++"),
    },
    "protected must have exactly {'v': 1, 'alg': 'RSA-OAEP-256', 'enc': 'A256GCM', 'typ': 'sealpost+json', 'cty': 'sealpost-msg+jwt'} and ctx.": {
        "v is 2": headed(v=2),
        "v is true": headed(v=True),
        "v is 1.0": headed(v=1.0),
        "v is a string": headed(v="1"),
        "alg RSA-OAEP": headed(alg="RSA-OAEP"),
        "alg RSA1_5": headed(alg="RSA1_5"),
        "alg dir": headed(alg="dir"),
        "enc A128GCM": headed(enc="A128GCM"),
        "enc A256CBC-HS512": headed(enc="A256CBC-HS512"),
        "another typ": headed(typ="JOSE"),
        "another cty": headed(cty="JWT"),
    },
    "ctx must match [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048].": {
        "ctx is null": headed(ctx=None),
        "ctx is no hash": headed(ctx="context"),
    },
    "protected must be an object with exactly the members alg, ctx, cty, enc, typ, v.": {
        "zip": headed(zip="DEF"),
        "crit": headed(crit=["exp"]),
        "kid in the protected header": headed(kid=A),
        "protected without ctx": sealed(
            header=json.dumps({name: value for name, value in PROTECTED.items() if name != "ctx"}).encode()
        ),
        "protected is a list": sealed(header=b"[]"),
    },
    "protected is not JSON, or names a member twice.": {
        "protected names a member twice": sealed(header=json.dumps(PROTECTED)[:-1].encode() + b',"v":1}'),
        "protected is not JSON": sealed(header=b"header"),
    },
    "protected must be a string.": {
        "protected is an object": sealed(protected=PROTECTED),
        "protected is null": sealed(protected=None),
    },
    "protected is not base64url without padding (RFC 7515, section 2).": {
        "protected with padding": sealed(protected=json.loads(sealed())["protected"] + "="),
    },
}


def test_the_kids_are_read_in_order() -> None:
    assert read_kids(sealed()) == KIDS


def test_one_recipient_has_the_same_form() -> None:
    assert read_kids(envelope(A)) == (A,)


def test_a_hundred_recipients_fit() -> None:
    kids = sorted(digest(f"key {number}") for number in range(100))
    assert read_kids(envelope(*kids)) == tuple(kids)


@pytest.mark.parametrize(("envelope", "sentence"), cases(REFUSED))
def test_any_other_form_is_refused(envelope: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_kids(envelope)
    assert refused.value.detail == sentence


def test_a_refusal_says_nothing_of_the_envelope() -> None:
    for canary in (headed(typ="canary"), one_more("canary", "canary"), entry(header={"kid": "canary"})):
        with pytest.raises(InvalidRequest) as caught:
            read_kids(canary)
        assert "canary" not in str(caught.value)
