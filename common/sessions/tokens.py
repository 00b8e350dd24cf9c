"""Access tokens: JWT (RFC 7519) of type at+jwt (RFC 9068), ES256, bound to the device by cnf.jkt (RFC 9449, section 6)."""

import secrets
from typing import Any

import jwt

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


def verify(token: str, *, issuer: str, keys: TokenKeys, now: float) -> Caller:
    """Who the token speaks for.

    Raises:
        Unauthenticated: it is not ours, not for us, not yet or no longer valid, or malformed.
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
        if not claims["iat"] - _LEEWAY <= now < claims["exp"] + _LEEWAY or claims["aud"] != issuer:
            raise jwt.InvalidTokenError
        return Caller(uid=claims["sub"], session=claims["sid"], device=claims["cnf"]["jkt"])
    except (jwt.InvalidTokenError, ValueError, TypeError, KeyError):
        raise Unauthenticated(
            "The access token is not valid. Refresh the session, then call again."
        ) from None
