"""Secrets that people type: Crockford's base32, which tells no 0 from O and no 1 from I or L."""

import re
import secrets
from typing import Final

from sealpost.protocol.errors import Code, ProtocolError

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SEPARATORS: Final = re.compile(r"[ \t\r\n-]")
_ALIKE: Final = str.maketrans("OIL", "011")
_GROUP: Final = 4


def new(length: int) -> str:
    """A random secret of ``length`` characters, 5 bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def read(text: str, length: int) -> str:
    """What a person typed, as :func:`new` gave it; ``mistyped`` if it cannot be that.

    Case, spaces and hyphens do not count; O is read as 0, I and L as 1.
    """
    secret = _SEPARATORS.sub("", text)
    secret = secret.upper().translate(_ALIKE) if secret.isascii() else ""
    if len(secret) != length or not set(secret) <= set(_ALPHABET):
        raise ProtocolError(Code.MISTYPED, f"not {length} characters of the alphabet")
    return secret


def grouped(secret: str) -> str:
    """The secret in groups of four with hyphens between, for showing."""
    return "-".join(secret[i : i + _GROUP] for i in range(0, len(secret), _GROUP))
