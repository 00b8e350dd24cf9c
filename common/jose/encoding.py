"""base64url, JSON and digests, each with exactly one accepted spelling."""

import json
import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from hashlib import sha256
from math import isfinite
from typing import Any, NoReturn

from common.errors import InvalidRequest

MAX_INTEGER = 2**53 - 1
_MAX_NESTING = 16
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
"""From the URL-safe alphabet to that of RFC 4648, section 4; what is not of the former becomes what is of neither."""
_LAST = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}
"""What a text ends with whose last character has bits to spare, all of them zero: by its length modulo four."""


def base64url(data: bytes) -> str:
    """RFC 7515, section 2: the URL-safe alphabet without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str, name: str) -> bytes:
    """The bytes of `text`, whose unused bits must be zero, so that no two texts decode alike.

    Raises:
        InvalidRequest: padding, a foreign character, an impossible length, or stray bits; names `name`.
    """
    spare = len(text) % 4
    try:
        if not spare or text[-1] in _LAST.get(spare, ()):
            standard = text.encode("ascii").translate(_TO_STANDARD)
            return a2b_base64(standard + b"=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        pass
    raise InvalidRequest(f"{name} is not base64url without padding (RFC 7515, section 2).")


def digest(text: str) -> str:
    """base64url(SHA-256(ASCII bytes of `text`)): the protocol's hash of compact JWS, codes and tokens."""
    return base64url(sha256(text.encode("ascii")).digest())


def parse_json(text: str | bytes, name: str) -> Any:
    """JSON in UTF-8 as RFC 7493, section 2, restricts it.

    No object names a member twice, no number is NaN or infinite, and no string holds half of a surrogate pair, which
    could not be encoded again. Objects and arrays are nested 16 deep at most, the outermost counted.

    Raises:
        InvalidRequest: anything else; names `name`.
    """
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        value = _JSON.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise InvalidRequest(f"{name} is not JSON, or names a member twice.") from None
    if text.count("{") + text.count("[") > _MAX_NESTING and _nested_beyond(_MAX_NESTING, value):
        raise InvalidRequest(f"{name} is nested more than {_MAX_NESTING} deep.")
    return value


def _nested_beyond(levels: int, value: Any) -> bool:
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_nested_beyond(levels - 1, item) for item in items)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a member is named twice")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("too large for a number")
    return number


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_no_constant)


def exact(value: Any, members: frozenset[str], name: str) -> dict[str, Any]:
    """`value` if it is an object with exactly these members.

    Raises:
        InvalidRequest: it is not; names `name`.
    """
    if not isinstance(value, dict) or value.keys() != members:
        raise InvalidRequest(
            f"{name} must be an object with exactly the members {', '.join(sorted(members))}."
        )
    return value


def integer(value: Any, name: str, *, least: int = 0) -> int:
    """`value` if it is an integer of the protocol's range.

    Raises:
        InvalidRequest: it is not; names `name`.
    """
    if type(value) is not int or not least <= value <= MAX_INTEGER:
        raise InvalidRequest(f"{name} must be a whole number from {least} to 2^53-1.")
    return value


def matching(value: Any, pattern: re.Pattern[str], name: str) -> str:
    """`value` if it is a string that `pattern` matches whole.

    Raises:
        InvalidRequest: it is not; names `name`.
    """
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidRequest(f"{name} must match {pattern.pattern}.")
    return value
