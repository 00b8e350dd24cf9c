"""Proofs that a call comes from the device that holds the key (after RFC 9449)."""

import secrets

from sealpost.protocol import encoding, identifiers, jws
from sealpost.protocol.jwk import PrivateKey


def session_proof(
    *,
    service_url: str,
    function: str,
    credential: str,
    now: int,
    key: PrivateKey,
    jti: str | None = None,
) -> str:
    """The proof for one call of ``POST {service_url}/v1/{function}``.

    ``credential`` is the link code, refresh token or access token of that call (ASCII), ``now`` is in seconds
    by the server's clock, and ``service_url`` has no trailing slash. Every call makes a new one, a repeated call
    too; ``refresh_session`` alone is repeated after a lost answer with its proof, byte for byte.
    """
    payload = {
        "aud": service_url,
        "htm": "POST",
        "htu": f"{service_url}/v1/{function}",
        "iat": now,
        "jti": identifiers.jti(secrets.token_urlsafe(16) if jti is None else jti),
        "ath": encoding.digest(credential),
    }
    return jws.sign(jws.Type.SESSION, payload, key)
