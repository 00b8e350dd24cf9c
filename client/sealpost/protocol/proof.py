"""Proofs that a call comes from the device that holds the key (after RFC 9449)."""

import re
import secrets
from typing import Final

from sealpost.protocol import encoding, jws
from sealpost.protocol.errors import malformed
from sealpost.protocol.jwk import PrivateKey

_JTI: Final = re.compile(r"[A-Za-z0-9_-]{22,128}")


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
    jti = secrets.token_urlsafe(16) if jti is None else jti
    if not _JTI.fullmatch(jti):
        raise malformed("jti: 22 to 128 characters of base64url")
    payload = {
        "aud": service_url,
        "htm": "POST",
        "htu": f"{service_url}/v1/{function}",
        "iat": now,
        "jti": jti,
        "ath": encoding.digest(credential),
    }
    return jws.sign(jws.Type.SESSION, payload, key)
