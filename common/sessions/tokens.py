"""Access tokens: JWT (RFC 7519) of type at+jwt (RFC 9068), ES256, bound to the device by cnf.jkt (RFC 9449, section 6)."""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from common.errors import Unauthenticated
from common.identity import Caller
from common.sessions.ports import TokenKeys

LIFETIME = 900
"""Seconds."""

_CLAIMS = ["iss", "aud", "sub", "sid", "cnf", "iat", "exp", "jti"]
_LEEWAY = 5


def issue(caller: Caller, *, issuer: str, keys: TokenKeys, now: float) -> str:
    kid, key = keys.signing()
    issued = int(now)
    claims = {
        "iss": issuer,
        "aud": issuer,
        "sub": caller.uid,
        "sid": caller.session,
        "cnf": {"jkt": caller.device},
        "iat": issued,
        "exp": issued + LIFETIME,
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode(claims, key, algorithm="ES256", headers={"typ": "at+jwt", "kid": kid})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token that one of our keys has signed for us."""

    caller: Caller
    kid: str
    key: EllipticCurvePublicKey
    issued_at: int
    expires_at: int
    """Seconds since the epoch, as is issued_at."""

    def require_now(self, now: float) -> None:
        """Raises Unauthenticated: it is not valid yet, or no longer."""
        if not self.issued_at - _LEEWAY <= now < self.expires_at + _LEEWAY:
            raise _refused()


def read(token: str, *, issuer: str, keys: TokenKeys) -> AccessToken:
    """The token, its signature verified; whether it is valid now is yet to be asked.

    Raises:
        Unauthenticated: it is not ours, not for us, or malformed.
    """
    try:
        header = jwt.get_unverified_header(token)
        if (
            header.keys() != {"alg", "typ", "kid"}
            or header["typ"] != "at+jwt"
            or not isinstance(header["kid"], str)
        ):
            raise jwt.InvalidTokenError
        key = keys.verifying(header["kid"])
        if key is None:
            raise jwt.InvalidTokenError
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            audience=issuer,
            issuer=issuer,
            options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        if claims["aud"] != issuer:
            raise jwt.InvalidTokenError
        return AccessToken(
            caller=Caller(uid=claims["sub"], session=claims["sid"], device=claims["cnf"]["jkt"]),
            kid=header["kid"],
            key=key,
            issued_at=_seconds(claims["iat"]),
            expires_at=_seconds(claims["exp"]),
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, KeyError):
        raise _refused() from None


def _seconds(claim: object) -> int:
    if type(claim) is not int:
        raise jwt.InvalidTokenError
    return claim


def _refused() -> Unauthenticated:
    return Unauthenticated("The access token is not valid. Refresh the session, then call again.")


class VerifiedTokens:
    """Whom tokens speak for. A client makes many calls with one, so its signature is verified once.

    What is asked anew at each call: that it is valid now, and that its key still is one of ours. The newest `at_most`
    are known by their digests; no token is kept.
    """

    def __init__(self, *, issuer: str, keys: TokenKeys, at_most: int = 1000) -> None:
        self._issuer = issuer
        self._keys = keys
        self._at_most = at_most
        self._known: dict[bytes, AccessToken] = {}

    def caller(self, token: str, now: float) -> Caller:
        """Raises Unauthenticated: the token is not ours, not for us, not yet or no longer valid, or malformed."""
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        known = self._known.get(digest)
        if known is None or self._keys.verifying(known.kid) != known.key:
            known = read(token, issuer=self._issuer, keys=self._keys)
        known.require_now(now)
        if len(self._known) >= self._at_most and digest not in self._known:
            del self._known[next(iter(self._known))]
        self._known[digest] = known
        return known.caller
