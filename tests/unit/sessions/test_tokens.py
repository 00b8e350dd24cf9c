import hmac
import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common.errors import Unauthenticated
from common.identity import Caller
from common.sessions import tokens
from common.sessions.ports import TokenKeys
from common.sessions.tokens import AccessToken, VerifiedTokens
from tests.signing import access_token, b64, compact_json
from tests.unit.sessions.world import KEYS, PHONE, SERVICE

NOW = 1_800_000_000.0
CALLER = Caller(uid="alice1", session="s" * 22, device=PHONE.kid)
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "current"}
CLAIMS = {
    "iss": SERVICE,
    "aud": SERVICE,
    "sub": CALLER.uid,
    "sid": CALLER.session,
    "cnf": {"jkt": CALLER.device},
    "iat": int(NOW),
    "exp": int(NOW) + 900,
    "jti": "one",
}
OURS = KEYS.keys["current"]
THEIRS = generate_private_key(SECP256R1())


def verify(token: str, now: float = NOW) -> Caller:
    return VerifiedTokens(issuer=SERVICE, keys=KEYS).caller(token, now)


def signed(header: dict[str, Any] | None = None, **claims: Any) -> str:
    return access_token(OURS, HEADER | (header or {}), CLAIMS | claims)


def without(member: str, of: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in of.items() if name != member}


def hs256() -> str:
    """Signed with our public key as if it were a shared secret."""
    message = f"{b64(compact_json(HEADER | {'alg': 'HS256'}))}.{b64(compact_json(CLAIMS))}"
    secret = OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{message}.{b64(hmac.digest(secret, message.encode(), 'sha256'))}"


GOOD = signed()
HEAD, BODY, SIGNATURE = GOOD.split(".")

REFUSED = {
    "expired": signed(iat=int(NOW) - 1000, exp=int(NOW) - 5),
    "not yet valid": signed(iat=int(NOW) + 6),
    "another audience": signed(aud="https://evil.example"),
    "an audience with a slash": signed(aud=f"{SERVICE}/"),
    "two audiences": signed(aud=[SERVICE, "https://evil.example"]),
    "our audience in a list": signed(aud=[SERVICE]),
    "another issuer": signed(iss="https://evil.example"),
    "an unknown kid": signed({"kid": "gone"}),
    "kid is a number": signed({"kid": 1}),
    "kid is a list": signed({"kid": ["current"]}),
    "no kid": access_token(OURS, without("kid", HEADER), CLAIMS),
    "no typ": access_token(OURS, without("typ", HEADER), CLAIMS),
    "typ JWT": signed({"typ": "JWT"}),
    "typ in another case": signed({"typ": "AT+JWT"}),
    "typ of a proof": signed({"typ": "sealpost-session+jwt"}),
    "a header member more": signed({"crit": ["exp"]}),
    "a jwk in the header": signed({"jwk": {}}),
    "alg none": f"{b64(compact_json(HEADER | {'alg': 'none'}))}.{BODY}.",
    "alg None": f"{b64(compact_json(HEADER | {'alg': 'None'}))}.{BODY}.",
    "alg HS256 with our public key": hs256(),
    "alg ES384": signed({"alg": "ES384"}),
    "alg PS256": signed({"alg": "PS256"}),
    "by another key": access_token(THEIRS, HEADER, CLAIMS),
    "another payload": f"{HEAD}.{b64(compact_json(CLAIMS | {'sub': 'bob1'}))}.{SIGNATURE}",
    "zero signature": f"{HEAD}.{BODY}.{b64(bytes(64))}",
    "short signature": f"{HEAD}.{BODY}.{SIGNATURE[:40]}",
    "DER signature": f"{HEAD}.{BODY}.{b64(b'0' * 70)}",
    "no signature": f"{HEAD}.{BODY}",
    "empty": "",
    "not a token": "token",
    "not ASCII": "t\u00f6ken.\u00e9.\u00e8",
    "a null byte": "\0.\0.\0",
    "half a character": "\ud800.a.b",
    "claims are a list": access_token(OURS, HEADER, [1]),
    "sub is a number": signed(sub=1),
    "cnf is a string": signed(cnf="jkt"),
    "cnf without jkt": signed(cnf={}),
    "iat is a string": signed(iat="now"),
    "exp is a list": signed(exp=[1]),
    **{f"no {claim}": access_token(OURS, HEADER, without(claim, CLAIMS)) for claim in CLAIMS},
}


def test_a_token_speaks_for_its_caller() -> None:
    token = tokens.issue(CALLER, issuer=SERVICE, keys=KEYS, now=NOW)
    assert verify(token) == CALLER
    assert verify(GOOD) == CALLER


def test_a_token_says_what_rfc_9068_asks_for() -> None:
    token = tokens.issue(CALLER, issuer=SERVICE, keys=KEYS, now=NOW)
    header, claims = (json.loads(urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    assert header == HEADER
    assert without("jti", claims) == without("jti", CLAIMS)
    again = tokens.issue(CALLER, issuer=SERVICE, keys=KEYS, now=NOW)
    assert token != again
    assert len(claims["jti"]) == 22


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        verify(token)
    assert refused.value.detail == "The access token is not valid. Refresh the session, then call again."


@pytest.mark.parametrize("now", [1_000_000_000.0, 4_000_000_000.0])
def test_the_callers_clock_counts_and_no_other(now: float) -> None:
    assert verify(tokens.issue(CALLER, issuer=SERVICE, keys=KEYS, now=now), now) == CALLER


def test_a_token_lives_fifteen_minutes_and_five_seconds_of_leeway() -> None:
    token = tokens.issue(CALLER, issuer=SERVICE, keys=KEYS, now=NOW)
    assert verify(token, NOW - 5) == verify(token, NOW + 904.9) == CALLER
    for now in (NOW - 5.1, NOW + 905):
        with pytest.raises(Unauthenticated):
            verify(token, now)


class Known:
    """A gate's memory, and the tokens whose signatures it has verified."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: int) -> None:
        self.keys = replace(KEYS)
        self.verified: list[str] = []
        self._tokens = VerifiedTokens(issuer=SERVICE, keys=self.keys, **options)
        read = tokens.read

        def noted(token: str, *, issuer: str, keys: TokenKeys) -> AccessToken:
            self.verified.append(token)
            return read(token, issuer=issuer, keys=keys)

        monkeypatch.setattr(tokens, "read", noted)

    def caller(self, token: str, now: float = NOW) -> Caller:
        return self._tokens.caller(token, now)

    def issue(self, now: float = NOW) -> str:
        return tokens.issue(CALLER, issuer=SERVICE, keys=self.keys, now=now)


def test_a_tokens_signature_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(monkeypatch)
    one, other = known.issue(), known.issue()
    assert [known.caller(token) for token in (one, other, one, other, one)] == [CALLER] * 5
    assert known.verified == [one, other]


def test_a_known_token_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(monkeypatch)
    token = known.issue()
    known.caller(token)
    for now in (NOW - 5.1, NOW + 905):
        with pytest.raises(Unauthenticated):
            known.caller(token, now)


def test_a_known_token_ends_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(monkeypatch)
    token = known.issue()
    known.caller(token)
    for keys in ({"next": THEIRS}, {"current": THEIRS}):
        known.keys.keys = keys
        with pytest.raises(Unauthenticated):
            known.caller(token)


@pytest.mark.parametrize(
    "other", [f"{HEAD}.{BODY}.{b64(bytes(64))}", f"{HEAD}.{BODY}.{SIGNATURE}=", f"{HEAD}.{BODY}"]
)
def test_knowing_a_token_lets_none_like_it_pass(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    known = Known(monkeypatch)
    known.caller(GOOD)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            known.caller(other)


def test_what_is_refused_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(monkeypatch)
    early = known.issue(NOW + 60)
    with pytest.raises(Unauthenticated):
        known.caller(early)
    assert known.caller(early, NOW + 60) == CALLER
    assert known.verified == [early, early]


def test_no_more_tokens_are_remembered_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(monkeypatch, at_most=2)
    first, second, third = (known.issue() for _ in range(3))
    for token in (first, second, third, second, third, first):
        known.caller(token)
    assert known.verified == [first, second, third, first]
