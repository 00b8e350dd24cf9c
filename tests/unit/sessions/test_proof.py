from typing import Any

import pytest

from common.errors import InvalidProof
from common.jose import RsaKey
from common.sessions.proof import Proof, read_proof
from tests.signing import compact_json, digest
from tests.unit.sessions.world import LAPTOP, PHONE, SERVICE, target

NOW = 1_800_000_000
CLAIMS = {
    "aud": SERVICE,
    "htm": "POST",
    "htu": f"{SERVICE}/v1/publish_key",
    "iat": NOW,
    "jti": "a" * 22,
    "ath": digest("credential"),
}


def sign(**changed: Any) -> str:
    return PHONE.sign("sealpost-session+jwt", CLAIMS | changed)


def read(compact: str) -> Proof:
    return read_proof(compact, target("publish_key"), credential="credential", now=NOW)


MEMBERS_TOO_FEW = {name: value for name, value in CLAIMS.items() if name != "ath"}

REFUSED = {
    "aud with a slash": sign(aud=f"{SERVICE}/"),
    "aud of another service": sign(aud="https://evil.example"),
    "aud is a list": sign(aud=[SERVICE]),
    "htm GET": sign(htm="GET"),
    "htm in lower case": sign(htm="post"),
    "htu of another function": sign(htu=f"{SERVICE}/v1/send_message"),
    "htu with a query": sign(htu=f"{SERVICE}/v1/publish_key?a"),
    "htu with a slash": sign(htu=f"{SERVICE}/v1/publish_key/"),
    "htu is null": sign(htu=None),
    "ath of another credential": sign(ath=digest("another")),
    "ath is the credential": sign(ath="credential"),
    "ath is null": sign(ath=None),
    "ath is a number": sign(ath=1),
    "ath is half a surrogate pair": PHONE.sign(
        "sealpost-session+jwt", compact_json(CLAIMS).replace(digest("credential").encode(), b"\\ud800")
    ),
    "ath is not ASCII": sign(ath="\u00e9" * 43),
    "121 s old": sign(iat=NOW - 121),
    "121 s ahead": sign(iat=NOW + 121),
    "iat is a float": sign(iat=NOW + 0.5),
    "iat is a whole float": sign(iat=float(NOW)),
    "iat is a string": sign(iat=str(NOW)),
    "iat is true": sign(iat=True),
    "iat in milliseconds": sign(iat=NOW * 1000),
    "jti of 21 characters": sign(jti="a" * 21),
    "jti of 129 characters": sign(jti="a" * 129),
    "jti with a dot": sign(jti="a" * 21 + "."),
    "jti with a newline": sign(jti="a" * 22 + "\n"),
    "jti is null": sign(jti=None),
    "one member too many": sign(nonce="x"),
    "one member too few": PHONE.sign("sealpost-session+jwt", MEMBERS_TOO_FEW),
    "another typ": PHONE.sign("sealpost-key+jwt", CLAIMS),
    "typ dpop+jwt": PHONE.sign("dpop+jwt", CLAIMS),
    "a jwk in the header": PHONE.sign(
        "",
        CLAIMS,
        header={"alg": "PS256", "typ": "sealpost-session+jwt", "kid": PHONE.kid, "jwk": PHONE.jwk()},
    ),
    "not a JWS": "proof",
    "empty": "",
}


@pytest.mark.parametrize(
    "changed", [{}, {"iat": NOW - 120}, {"iat": NOW + 120}, {"jti": "-_" * 64}], ids=repr
)
def test_a_proof_of_this_call_is_read(changed: dict[str, Any]) -> None:
    compact = sign(**changed)
    proof = read(compact)
    proof.require_signed_by(RsaKey(n=PHONE.n, alg="PS256", use="sig"))
    assert (proof.jti, proof.hash) == ((CLAIMS | changed)["jti"], digest(compact))


@pytest.mark.parametrize("compact", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_proof_is_refused(compact: str) -> None:
    with pytest.raises(InvalidProof):
        read(compact)


def test_the_device_must_have_signed() -> None:
    for compact in (LAPTOP.forge(sign()), LAPTOP.sign("sealpost-session+jwt", CLAIMS)):
        proof = read(compact)
        with pytest.raises(InvalidProof, match="not signed by this device"):
            proof.require_signed_by(RsaKey(n=PHONE.n, alg="PS256", use="sig"))
