"""The shape of what a key chain is made of: statements, and the possession inside an ``add-device``."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sealpost.protocol import bounds, encoding, identifiers, jws
from sealpost.protocol.errors import Code, ProtocolError, malformed
from sealpost.protocol.jwk import PublicKey, Use

_COMMON: Final = frozenset({"v", "iss", "seq", "prev", "iat", "act", "ext"})
_CARRIES: Final = MappingProxyType(
    {
        "add-device": frozenset({"device", "pop"}),
        "revoke-device": frozenset({"device"}),
        "set-history-key": frozenset({"key", "backup"}),
        "reset": frozenset({"device"}),
    }
)
_RESERVED: Final = frozenset({"recover"})
_BACKUP: Final = frozenset({"n", "hash"})
_POSSESSION: Final = frozenset({"iss", "aud", "root", "device", "enc", "iat", "jti"})


class Backup(NamedTuple):
    """A key backup as a chain announces it: its number from 1, and base64url(SHA-256) of its text."""

    n: int
    hash: str


def read_statement(compact: str) -> tuple[jws.Unverified, dict[str, Any]]:
    """A statement's shape without its signature: the members that its act carries, each of its kind."""
    parsed = jws.parse(jws.Type.KEY, compact)
    claims = parsed.claims
    jws.known_version(claims)
    act = claims.get("act")
    if not isinstance(act, str):
        raise malformed("chain: act is a string")
    if act in _RESERVED:
        raise ProtocolError(Code.UPDATE_NEEDED, "chain: act is reserved")
    if act not in _CARRIES:
        raise malformed("chain: unknown act")
    encoding.members(claims, _COMMON | _CARRIES[act])
    identifiers.uid(claims["iss"])
    if not encoding.is_integer(claims["seq"]) or not encoding.is_integer(claims["iat"]):
        raise malformed("chain: seq and iat are integers")
    if not isinstance(claims["ext"], dict):
        raise malformed("chain: ext is an object")
    if claims["prev"] is not None:
        identifiers.hash256(claims["prev"])
    return parsed, claims


def read_backup(value: object) -> Backup | None:
    """``backup`` of a set-history-key: ``{"n","hash"}`` or null."""
    if value is None:
        return None
    claims = encoding.members(value, _BACKUP)
    if not encoding.is_integer(claims["n"], low=1):
        raise malformed("chain: a backup's n counts from 1")
    return Backup(claims["n"], identifiers.hash256(claims["hash"]))


@dataclass(frozen=True, slots=True)
class Possession:
    """A verified pop: the device says which account it would join, and which encryption key statement it has.

    ``audience`` is the service's URL, ``root`` that of the chain, ``enc`` the hash of the encryption key statement,
    ``iat`` in seconds.
    """

    uid: str
    audience: str
    root: str
    device: PublicKey
    enc: str
    iat: int

    def check_time(self, at: int) -> None:
        """At ``at`` (seconds) a pop is at most 15 minutes old, give or take the clocks."""
        oldest = at - bounds.POSSESSION_LIFE - bounds.CLOCK_TOLERANCE
        if not oldest <= self.iat <= at + bounds.CLOCK_TOLERANCE:
            raise malformed("pop: not of this time")


def read_possession(compact: object) -> Possession:
    """A pop, signed by the device in it. Raises ``malformed`` or ``bad-signature``."""
    parsed = jws.parse(jws.Type.POSSESSION, compact)
    claims = encoding.members(parsed.claims, _POSSESSION)
    if not isinstance(claims["aud"], str) or not claims["aud"]:
        raise malformed("pop: aud is a text")
    identifiers.jti(claims["jti"])
    if not encoding.is_integer(claims["iat"]):
        raise malformed("pop: iat is an integer")
    possession = Possession(
        uid=identifiers.uid(claims["iss"]),
        audience=claims["aud"],
        root=identifiers.hash256(claims["root"]),
        device=PublicKey.parse(claims["device"], Use.SIGNING),
        enc=identifiers.hash256(claims["enc"]),
        iat=claims["iat"],
    )
    parsed.verify(possession.device)
    return possession
