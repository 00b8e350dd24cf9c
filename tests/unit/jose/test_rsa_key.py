from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidRequest
from common.jose import SIGNING, WRAPPING, RsaKey, read_key
from tests.signing import b64, digest, key

ALICE = key("alice_signing")
N = ALICE.n

RFC_7638_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
    "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
    "kEgU8awapJzKnqDKgw"
)


def jwk(**changed: Any) -> dict[str, Any]:
    return ALICE.jwk() | changed


def with_modulus(n: str) -> dict[str, Any]:
    return jwk(n=n, kid=digest(f'{{"e":"AQAB","kty":"RSA","n":"{n}"}}'))


def without(member: str) -> dict[str, Any]:
    return {name: value for name, value in jwk().items() if name != member}


REFUSED: dict[str, Any] = {
    "private d": jwk(d="AQAB"),
    "private p": jwk(p="AQAB"),
    "private q": jwk(q="AQAB"),
    "private dp": jwk(dp="AQAB"),
    "private dq": jwk(dq="AQAB"),
    "private qi": jwk(qi="AQAB"),
    "private oth": jwk(oth=[]),
    "symmetric k": jwk(k="AQAB"),
    "key_ops": jwk(key_ops=["verify"]),
    "certificate": jwk(x5c=[]),
    "no kid": without("kid"),
    "no use": without("use"),
    "no alg": without("alg"),
    "e is 3": jwk(e="Aw"),
    "e with a leading zero": jwk(e="AAEAAQ"),
    "e is a number": jwk(e=65537),
    "kty EC": jwk(kty="EC"),
    "kty in lower case": jwk(kty="rsa"),
    "another hash": jwk(alg="PS384"),
    "PKCS#1": jwk(alg="RS256"),
    "the other algorithm": jwk(alg="RSA-OAEP-256"),
    "the other use": jwk(use="enc"),
    "a key to wrap with": ALICE.wrapping_jwk(),
    "kid of another key": jwk(kid=key("bob_signing").kid),
    "kid with another last letter": jwk(kid=ALICE.kid[:-1] + "B"),
    "kid is null": jwk(kid=None),
    "RSA-2048": with_modulus(b64(b"\xff" * 256)),
    "RSA-4096": with_modulus(b64(b"\xff" * 512)),
    "RSA-3071": with_modulus(b64(b"\x7f" + b"\xff" * 383)),
    "leading zero byte": with_modulus("AAAA" + N),
    "even": with_modulus(b64(b"\xff" * 383 + b"\xfe")),
    "padded": with_modulus(N + "="),
    "newline": with_modulus(N[:-1] + "\n"),
    "standard alphabet": with_modulus(N[:100] + "+" + N[101:]),
    "n is a list": jwk(n=[N]),
    "a list": [jwk()],
    "null": None,
    "a string": "jwk",
}


def test_a_signing_key_is_read() -> None:
    read = read_key(ALICE.jwk(), SIGNING, "The key")
    assert (read.n, read.kid) == (N, ALICE.kid)
    assert read.public_key.public_numbers() == ALICE.private.public_key().public_numbers()


def test_a_wrapping_key_is_read() -> None:
    assert read_key(ALICE.wrapping_jwk(), WRAPPING, "The key").kid == ALICE.kid


def test_the_kid_is_the_thumbprint_of_rfc_7638() -> None:
    assert RsaKey(n=RFC_7638_N, alg="", use="").kid == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_form_is_refused(refused: Any) -> None:
    with pytest.raises(InvalidRequest, match="The key"):
        read_key(refused, SIGNING, "The key")


def test_a_signing_key_wraps_nothing() -> None:
    with pytest.raises(InvalidRequest):
        read_key(ALICE.jwk(), WRAPPING, "The key")


@given(st.binary(min_size=384, max_size=384))
def test_a_modulus_has_3072_bits_and_is_odd(modulus: bytes) -> None:
    fits = modulus[0] >= 0x80 and modulus[-1] % 2 == 1
    try:
        read_key(with_modulus(b64(modulus)), SIGNING, "The key")
    except InvalidRequest:
        assert not fits
    else:
        assert fits
