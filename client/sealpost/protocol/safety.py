"""The safety number: what two people compare to know that nobody stands between them."""

import hashlib
from typing import Final

from sealpost.protocol import encoding, identifiers

_GROUPS: Final = 6
_GROUP_BYTES: Final = 5


def _half(uid: str, root: str) -> str:
    root_bytes = encoding.b64decode(identifiers.hash256(root))
    hashed = hashlib.sha512(
        b"sealpost safety 1\0" + identifiers.uid(uid).encode("ascii") + b"\0" + root_bytes
    ).digest()
    groups = (hashed[i * _GROUP_BYTES : (i + 1) * _GROUP_BYTES] for i in range(_GROUPS))
    return "".join(f"{int.from_bytes(group, 'big') % 100_000:05d}" for group in groups)


def safety_number(uid_a: str, root_a: str, uid_b: str, root_b: str) -> str:
    """60 digits, the same for both sides. A root is the hash of the statement that a chain begins with."""
    return "".join(sorted((_half(uid_a, root_a), _half(uid_b, root_b))))


def grouped(number: str) -> str:
    """The number as twelve groups of five digits, for reading aloud."""
    return " ".join(number[i : i + 5] for i in range(0, len(number), 5))
