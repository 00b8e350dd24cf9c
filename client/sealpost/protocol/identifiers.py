"""The names that things go by: uid, key id, hash, conversation id, message id."""

import re
import secrets
from typing import Any, Final

from sealpost.protocol.encoding import sha256
from sealpost.protocol.errors import malformed

_UID: Final = re.compile(r"[A-Za-z0-9]{1,128}")
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_UUID7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_JTI: Final = re.compile(r"[A-Za-z0-9_-]{22,128}")


def uid(value: object) -> str:
    """An account's id: ``^[A-Za-z0-9]{1,128}$``."""
    return _matching(_UID, value, "uid")


def hash256(value: object) -> str:
    """A SHA-256 in base64url, which key ids and conversation ids are too: 43 characters, unused bits zero."""
    return _matching(_HASH, value, "hash")


def message_id(value: object) -> str:
    """A UUIDv7 in lower case (RFC 9562)."""
    return _matching(_UUID7, value, "message id")


def jti(value: object) -> str:
    """The random name of a proof or a pop: 22 to 128 characters of base64url."""
    return _matching(_JTI, value, "jti")


def _matching(pattern: re.Pattern[str], value: Any, what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise malformed(f"not a {what}")
    return value


def new_message_id(now: int) -> str:
    """A fresh message id made at ``now`` (milliseconds since 1970)."""
    number = (now & (1 << 48) - 1) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def direct_conversation(uid_a: str, uid_b: str) -> str:
    """The id of the direct conversation of two people, whoever asks.

    base64url(SHA-256("sealpost direct 1" 00 uidA 00 uidB)), the uids ascending.
    """
    first, second = sorted((uid(uid_a), uid(uid_b)))
    if first == second:
        raise malformed("a direct conversation has two members")
    return sha256(f"sealpost direct 1\0{first}\0{second}".encode("ascii"))


def self_conversation(of: str) -> str:
    """The id of a person's conversation with themselves: base64url(SHA-256("sealpost self 1" 00 uid))."""
    return sha256(f"sealpost self 1\0{uid(of)}".encode("ascii"))
