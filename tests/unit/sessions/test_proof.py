from typing import Any

import pytest

from common.errors import InvalidProof
from common.jose import RsaKey
from common.sessions.proof import Proof, read_proof
from tests.refusals import cases
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
    "The proof is for another call: check aud, htm and htu.": {
        "aud with a slash": sign(aud=f"{SERVICE}/"),
        "aud of another service": sign(aud="https://evil.example"),
        "aud is a list": sign(aud=[SERVICE]),
        "htm GET": sign(htm="GET"),
        "htm in lower case": sign(htm="post"),
        "htu of another function": sign(htu=f"{SERVICE}/v1/send_message"),
        "htu with a query": sign(htu=f"{SERVICE}/v1/publish_key?a"),
        "htu with a slash": sign(htu=f"{SERVICE}/v1/publish_key/"),
        "htu is null": sign(htu=None),
    },
    "The proof is for another credential: check ath.": {
        "ath of another credential": sign(ath=digest("another")),
        "ath is the credential": sign(ath="credential"),
        "ath is null": sign(ath=None),
        "ath is a number": sign(ath=1),
        "ath is not ASCII": sign(ath="\u00e9" * 43),
    },
    "The proof is not JSON, or names a member twice.": {
        "ath is half a surrogate pair": PHONE.sign(
            "sealpost-session+jwt", compact_json(CLAIMS).replace(digest("credential").encode(), b"\\ud800")
        ),
    },
    "The proof's iat is more than 120 seconds away from the server's time.": {
        "121 s old": sign(iat=NOW - 121),
        "121 s ahead": sign(iat=NOW + 121),
        "iat is a float": sign(iat=NOW + 0.5),
        "iat is a whole float": sign(iat=float(NOW)),
        "iat is a string": sign(iat=str(NOW)),
        "iat is true": sign(iat=True),
        "iat in milliseconds": sign(iat=NOW * 1000),
    },
    "The proof's jti must be 22 to 128 characters of base64url.": {
        "jti of 21 characters": sign(jti="a" * 21),
        "jti of 129 characters": sign(jti="a" * 129),
        "jti with a dot": sign(jti="a" * 21 + "."),
        "jti with a newline": sign(jti="a" * 22 + "\n"),
        "jti is null": sign(jti=None),
    },
    "The proof must be an object with exactly the members ath, aud, htm, htu, iat, jti.": {
        "one member too many": sign(nonce="x"),
        "one member too few": PHONE.sign("sealpost-session+jwt", MEMBERS_TOO_FEW),
    },
    "The proof must have alg PS256 and typ sealpost-session+jwt.": {
        "another typ": PHONE.sign("sealpost-key+jwt", CLAIMS),
        "typ dpop+jwt": PHONE.sign("dpop+jwt", CLAIMS),
    },
    "The header of The proof must be an object with exactly the members alg, kid, typ.": {
        "a jwk in the header": PHONE.sign(
            "",
            CLAIMS,
            header={"alg": "PS256", "typ": "sealpost-session+jwt", "kid": PHONE.kid, "jwk": PHONE.jwk()},
        ),
    },
    "The proof must be a compact JWS with a 384-byte signature, 8192 bytes at most.": {
        "not a JWS": "proof",
        "empty": "",
    },
}


@pytest.mark.parametrize(
    "changed", [{}, {"iat": NOW - 120}, {"iat": NOW + 120}, {"jti": "-_" * 64}], ids=repr
)
def test_a_proof_of_this_call_is_read(changed: dict[str, Any]) -> None:
    compact = sign(**changed)
    proof = read(compact)
    proof.require_signed_by(RsaKey(n=PHONE.n, alg="PS256", use="sig"))
    assert (proof.jti, proof.hash) == ((CLAIMS | changed)["jti"], digest(compact))


@pytest.mark.parametrize(("compact", "sentence"), cases(REFUSED))
def test_any_other_proof_is_refused(compact: str, sentence: str) -> None:
    with pytest.raises(InvalidProof) as refused:
        read(compact)
    assert refused.value.detail == sentence


def test_the_device_must_have_signed() -> None:
    for compact in (LAPTOP.forge(sign()), LAPTOP.sign("sealpost-session+jwt", CLAIMS)):
        proof = read(compact)
        with pytest.raises(InvalidProof, match=r"^The proof is not signed by this device\.$"):
            proof.require_signed_by(RsaKey(n=PHONE.n, alg="PS256", use="sig"))
