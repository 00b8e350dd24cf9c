"""Proof that a call comes from the device: a JWS over the call and its credential (the idea of RFC 9449)."""

import hmac
import re
from dataclasses import dataclass

from common.errors import InvalidProof, InvalidRequest
from common.jose import RsaKey, Signed, digest, read_signed

TYP = "sealpost-session+jwt"
WINDOW = 120
"""How old, or how far ahead, a proof may be, in seconds."""

_MEMBERS = frozenset(("aud", "htm", "htu", "iat", "jti", "ath"))
_JTI = re.compile(r"[A-Za-z0-9_-]{22,128}")


@dataclass(frozen=True, slots=True)
class Target:
    """The call that a proof is for: the service's URL, the method, and the URL without its query."""

    audience: str
    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that fits its call. It counts once `signed_by` its device and not used before."""

    signed: Signed
    jti: str

    @property
    def hash(self) -> str:
        return self.signed.hash

    def require_signed_by(self, key: RsaKey) -> None:
        """Raises InvalidProof: another key signed it."""
        if not self.signed.verified_by(key):
            raise InvalidProof("The proof is not signed by this device.")


def read_proof(compact: str, target: Target, *, credential: str, now: float) -> Proof:
    """Read a proof for `target`, bound to `credential` (the link's code, refresh token or access token).

    Raises:
        InvalidProof: malformed, for another call or credential, or outside the window.
    """
    try:
        signed = read_signed(compact, TYP, _MEMBERS, "The proof")
    except InvalidRequest as error:
        raise InvalidProof(error.detail) from None
    claims = signed.payload
    if (claims["aud"], claims["htm"], claims["htu"]) != (target.audience, target.method, target.url):
        raise InvalidProof("The proof is for another call: check aud, htm and htu.")
    if not isinstance(claims["ath"], str) or not hmac.compare_digest(
        claims["ath"].encode(), digest(credential).encode()
    ):
        raise InvalidProof("The proof is for another credential: check ath.")
    if type(claims["iat"]) is not int or abs(now - claims["iat"]) > WINDOW:
        raise InvalidProof(f"The proof's iat is more than {WINDOW} seconds away from the server's time.")
    if not isinstance(claims["jti"], str) or not _JTI.fullmatch(claims["jti"]):
        raise InvalidProof("The proof's jti must be 22 to 128 characters of base64url.")
    return Proof(signed=signed, jti=claims["jti"])
