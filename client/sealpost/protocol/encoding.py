"""Strict base64url, strict JSON, canonical JSON and digests.

Lenient decoders give one signed text many spellings and so many hashes; these refuse every spelling but
the one. Every function raises ``malformed``.
"""

import base64
import binascii
import hashlib
import json
from typing import Any, Final, NoReturn, TypeGuard

from sealpost.protocol.bounds import MAX_INTEGER, MAX_NESTING
from sealpost.protocol.errors import malformed

_TO_BASE64: Final = bytes.maketrans(b"-_+/=", b"+/...")
"""The alphabets differ in two characters; base64's own two, and its padding, become one that is in neither."""
_LAST: Final = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}
"""What a text ends with whose last character has bits to spare, all of them zero: by its length modulo four."""


def b64encode(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64decode(text: str) -> bytes:
    """The bytes of ``text``, which must be the one spelling that :func:`b64encode` gives them."""
    spare = len(text) % 4
    if spare == 1:
        raise malformed("base64url: impossible length")
    if spare and text[-1] not in _LAST[spare]:
        raise malformed("base64url: unused bits are set")
    try:
        plain = text.encode("ascii").translate(_TO_BASE64) + b"=" * (-len(text) % 4)
        return binascii.a2b_base64(plain, strict_mode=True)
    except ValueError:
        raise malformed("base64url: a character outside the alphabet") from None


def sha256(data: bytes) -> str:
    """base64url(SHA-256(data)): 43 characters."""
    return b64encode(hashlib.sha256(data).digest())


def digest(compact: str) -> str:
    """``hash(x)`` of protocol.md: base64url(SHA-256(ASCII bytes of the compact JWS x))."""
    if not compact.isascii():
        raise malformed("digest: not ASCII")
    return sha256(compact.encode("ascii"))


def canonical(value: object, levels: int = MAX_NESTING) -> str:
    r"""RFC 8785 restricted to objects, arrays, null, integers 0..2^53-1 and plain printable ASCII strings.

    Anything else (booleans, floats, negative numbers, other characters, ``"`` and ``\``) is refused,
    and so are objects and arrays nested more than ``levels`` deep.
    """
    if isinstance(value, str):
        return f'"{_plain(value)}"'
    if type(value) is int:
        if not 0 <= value <= MAX_INTEGER:
            raise malformed("canonical JSON: integer out of range")
        return str(value)
    if value is None:
        return "null"
    if levels == 0:
        raise malformed("canonical JSON: nested too deep, or of a kind that it does not know")
    if isinstance(value, dict):
        try:
            names = sorted(value)
            _plain("".join(names))
        except TypeError:
            raise malformed("canonical JSON: member name is not a string") from None
        return "{" + ",".join([f'"{name}":{canonical(value[name], levels - 1)}' for name in names]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([canonical(item, levels - 1) for item in value]) + "]"
    raise malformed("canonical JSON: value of a kind that it does not know")


def _plain(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or '"' in text or "\\" in text:
        raise malformed("canonical JSON: string outside plain printable ASCII")
    return text


def canonical_hash(value: object) -> str:
    """base64url(SHA-256(canonical JSON of ``value``))."""
    return sha256(canonical(value).encode("ascii"))


def compact_json(value: object) -> str:
    """JSON without spaces, in member order, characters as they are: how this client writes."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise malformed("JSON: duplicate member")
    return result


def _no_constant(_: str) -> NoReturn:
    raise malformed("JSON: NaN and Infinity are not JSON")


_WHITE_SPACE: Final = " \t\n\r"
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def loads(text: str | bytes) -> Any:
    """Parse UTF-8 JSON.

    Refuses duplicate members, NaN and Infinity, lone surrogates, a byte order mark, and nesting beyond its bound:
    a text that one reader takes and another one breaks on would stop that other one for good.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        text = text.strip(_WHITE_SPACE)
        value, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise malformed("JSON: something after the value")
        if "\\" in text:
            compact_json(value).encode("utf-8")
    except (ValueError, RecursionError):
        raise malformed("JSON: not well formed") from None
    if text.count("{") + text.count("[") > MAX_NESTING:
        _check_nesting(value, MAX_NESTING)
    return value


def _check_nesting(value: object, levels: int) -> None:
    if not isinstance(value, dict | list):
        return
    if levels == 0:
        raise malformed("JSON: nested too deep")
    for item in value.values() if isinstance(value, dict) else value:
        _check_nesting(item, levels - 1)


def members(value: object, names: frozenset[str]) -> dict[str, Any]:
    """``value`` if it is an object with exactly the members ``names``."""
    if not isinstance(value, dict) or value.keys() != names:
        raise malformed("JSON: not exactly the members of this object")
    return value


def is_integer(value: object, low: int = 0, high: int = MAX_INTEGER) -> TypeGuard[int]:
    """Whether ``value`` is a JSON integer in ``low..high`` (True and 1.0 are none)."""
    return type(value) is int and low <= value <= high
