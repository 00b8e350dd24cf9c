from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidRequest
from common.jose import RsaKey, Signed, read_signed
from tests.signing import Key, b64, compact_json, digest, key

ALICE, BOB = key("alice_signing"), key("bob_signing")
TYP = "sealpost-key+jwt"
PAYLOAD = {"a": 1, "b": "two"}
HEADER = {"alg": "PS256", "typ": TYP, "kid": ALICE.kid}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def public(of: Key) -> RsaKey:
    return RsaKey(n=of.n, alg="PS256", use="sig")


def read(compact: str) -> Signed:
    return read_signed(compact, TYP, frozenset(PAYLOAD), "The statement")


def sign(payload: Any = PAYLOAD, **header: Any) -> str:
    return ALICE.sign(TYP, payload, header={**HEADER, **header})


def headed(header: Any) -> str:
    return ALICE.sign(TYP, PAYLOAD, header=header)


def stray_bit(part: str) -> str:
    """Another text of the same bytes, to a decoder that drops unused bits."""
    assert len(part) % 4, "a part without unused bits"
    return part[:-1] + ALPHABET[ALPHABET.index(part[-1]) | 1]


GOOD = sign()
HEAD, BODY, SIGNATURE = GOOD.split(".")

REFUSED = {
    "alg none": sign(alg="none"),
    "alg none, unsigned": f"{b64(compact_json(HEADER | {'alg': 'none'}))}.{BODY}.",
    "alg HS256": sign(alg="HS256"),
    "alg RS256": sign(alg="RS256"),
    "alg PS384": sign(alg="PS384"),
    "alg in lower case": sign(alg="ps256"),
    "alg is a list": sign(alg=["PS256"]),
    "another typ": sign(typ="sealpost-enc+jwt"),
    "typ in another case": sign(typ="Sealpost-Key+jwt"),
    "typ JWT": sign(typ="JWT"),
    "typ with a media type's prefix": sign(typ=f"application/{TYP}"),
    "a jwk in the header": sign(jwk=ALICE.jwk()),
    "a jku in the header": sign(jku="https://keys.example"),
    "crit": sign(crit=["exp"]),
    "b64": sign(b64=False),
    "zip": sign(zip="DEF"),
    "no kid": headed({"alg": "PS256", "typ": TYP}),
    "no typ": headed({"alg": "PS256", "kid": ALICE.kid}),
    "kid is a number": sign(kid=1),
    "kid is no thumbprint": sign(kid="alice"),
    "kid with unused bits": sign(kid=stray_bit(ALICE.kid)),
    "header names a member twice": headed(
        f'{{"alg":"none","alg":"PS256","typ":"{TYP}","kid":"{ALICE.kid}"}}'.encode()
    ),
    "header is a list": headed(["PS256"]),
    "header is not JSON": headed(b"PS256"),
    "payload with a member too many": sign(PAYLOAD | {"c": 3}),
    "payload with a member too few": sign({"a": 1}),
    "payload names a member twice": sign(b'{"a":1,"a":1,"b":"two"}'),
    "payload is a list": sign(["a", "b"]),
    "payload is not JSON": sign(b"hello"),
    "payload is not UTF-8": sign(b'{"a":1,"b":"\xff"}'),
    "payload holds half a surrogate pair": sign(b'{"a":1,"b":"\\ud800"}'),
    "payload holds NaN": sign(b'{"a":1,"b":NaN}'),
    "empty payload": f"{HEAD}..{SIGNATURE}",
    "padding": GOOD + "=",
    "newline": GOOD + "\n",
    "space": f"{HEAD}.{BODY[:4]} {BODY[4:]}.{SIGNATURE}",
    "standard alphabet": f"{HEAD}.{BODY}.+{SIGNATURE[1:]}",
    "letter that is not ASCII": f"{HEAD}.{BODY}.\u00e9{SIGNATURE[1:]}",
    "unused bits in the header": f"{stray_bit(HEAD)}.{BODY}.{SIGNATURE}",
    "unused bits in the payload": f"{HEAD}.{stray_bit(BODY)}.{SIGNATURE}",
    "two parts": f"{HEAD}.{BODY}",
    "four parts": f"{GOOD}.{SIGNATURE}",
    "short signature": GOOD[:-4],
    "long signature": GOOD + "AAAA",
    "more than 8 KiB": sign(PAYLOAD | {"b": "x" * 8192}),
    "empty": "",
    "JSON serialisation": '{"payload":"","signatures":[]}',
}


def pkcs1(header: dict[str, Any]) -> str:
    signed = f"{b64(compact_json(header))}.{BODY}"
    return f"{signed}.{b64(ALICE.private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


FORGED = {
    "by another key under this kid": BOB.sign(TYP, PAYLOAD, header=HEADER),
    "by another key": BOB.sign(TYP, PAYLOAD),
    "by this key under another kid": sign(kid=BOB.kid),
    "empty salt": ALICE.sign(TYP, PAYLOAD, salt=0),
    "salt of 20 bytes": ALICE.sign(TYP, PAYLOAD, salt=20),
    "the longest salt": ALICE.sign(TYP, PAYLOAD, salt=350),
    "PKCS#1 signature": pkcs1(HEADER),
    "signature of another payload": f"{HEAD}.{b64(compact_json(PAYLOAD | {'a': 2}))}.{SIGNATURE}",
    "zero": f"{HEAD}.{BODY}.{'A' * 512}",
    "greater than the modulus": f"{HEAD}.{BODY}.{'_' * 512}",
}


def test_a_statement_is_read_and_verified() -> None:
    signed = read(GOOD)
    assert (signed.kid, signed.payload, signed.hash) == (ALICE.kid, PAYLOAD, digest(GOOD))
    assert signed.verified_by(public(ALICE))


def test_spacing_of_the_header_is_the_signers_own() -> None:
    spaced = headed(f'{{ "kid":"{ALICE.kid}", "typ":"{TYP}","alg":"PS256" }}'.encode())
    assert read(spaced).verified_by(public(ALICE))


@pytest.mark.parametrize("compact", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_form_is_refused(compact: str) -> None:
    with pytest.raises(InvalidRequest, match=r"The statement|The header of The statement"):
        read(compact)


@pytest.mark.parametrize("compact", FORGED.values(), ids=FORGED.keys())
def test_a_forged_signature_does_not_verify(compact: str) -> None:
    assert not read(compact).verified_by(public(ALICE))


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(ALPHABET))
def test_no_letter_can_be_changed(place: int, letter: str) -> None:
    changed = GOOD[:place] + letter + GOOD[place + 1 :]
    try:
        verified = read(changed).verified_by(public(ALICE))
    except InvalidRequest:
        verified = False
    assert verified == (changed == GOOD)


def test_a_statement_may_have_8_kib() -> None:
    room = 8192 - len(GOOD)
    longest = sign(PAYLOAD | {"b": "x" * (room * 3 // 4)})
    assert 8180 < len(longest) <= 8192
    read(longest)
