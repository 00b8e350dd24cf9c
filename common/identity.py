"""Who is who: addresses, accounts, callers, and the keyed hashes that stand for them where their names have no business."""

import hmac
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.errors import InvalidRequest
from common.jose import base64url, matching

UID = re.compile(r"[A-Za-z0-9]{1,128}")
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22}")

DeviceState = Literal["pending", "active", "revoked"]
"""How a device stands in its account's key chain."""

_ADDRESS = re.compile(
    r"(?=.{6,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_LOCAL_PART = 64
_DAY = 86_400
_UID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_UID_LENGTH = 26


@dataclass(frozen=True, slots=True)
class Address:
    """An email address: a dot-atom at a domain name (RFC 5321, section 4.1.2), kept in lower case.

    Firebase Authentication folds case too, so that one mailbox is one account. Its repr shows nothing.
    """

    text: str

    def __post_init__(self) -> None:
        folded = matching(self.text, _ADDRESS, "The email address").lower()
        if folded.index("@") > _LOCAL_PART:
            raise InvalidRequest("The part of an email address before the @ has 64 characters at most.")
        object.__setattr__(self, "text", folded)

    def __repr__(self) -> str:
        return "Address(...)"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who an access token speaks for."""

    uid: str
    session: str
    device: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of an account's key chain (docs/protocol.md, "The key chain")."""

    uid: str
    root: str
    seq: int
    hash: str

    def json(self) -> dict[str, Any]:
        return {"uid": self.uid, "root": self.root, "seq": self.seq, "hash": self.hash}


@dataclass(frozen=True, slots=True)
class IndexKey:
    """The deployment's key for keyed hashes. Each purpose has a key of its own (HKDF, RFC 5869)."""

    secret: bytes

    def __repr__(self) -> str:
        return "IndexKey(...)"

    def address(self, address: Address) -> bytes:
        """Stands for an address in the database: whoever copies the table cannot try addresses without the key."""
        return self._mac("address index 1", address.text)

    def subject(self, kind: str, value: str, now: float) -> bytes:
        """Stands for an address or a network in a rate limit; the key changes every day (UTC)."""
        return self._mac(f"rate limit 1 {int(now) // _DAY}", f"{kind} {value}")

    def successor(self, refresh_token: str) -> str:
        """The refresh token that follows, so that a repeated call gets the same one and none is stored."""
        return base64url(self._mac("refresh token 1", refresh_token))

    def _mac(self, purpose: str, text: str) -> bytes:
        return hmac.digest(_derived(self.secret, purpose), text.encode("ascii"), "sha256")


def new_uid() -> str:
    """130 random bits."""
    return "".join(secrets.choice(_UID_ALPHABET) for _ in range(_UID_LENGTH))


@lru_cache(maxsize=16)
def _derived(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"sealpost {purpose}".encode()).derive(secret)


def network(address: str) -> str:
    """The /24 or /48 that an IP address is in: what one household or one small provider shares."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "unknown"
    mapped = ip if isinstance(ip, IPv4Address) else ip.ipv4_mapped
    if mapped is not None:
        return str(ip_network((mapped, 24), strict=False))
    return str(ip_network((ip, 48), strict=False))
