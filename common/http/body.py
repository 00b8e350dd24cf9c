"""A request's body: read as a stream under a limit and a deadline, decoded strictly into a domain dataclass."""

import asyncio
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from starlette.requests import Request

from common.errors import InvalidRequest
from common.http.problems import PayloadTooLarge, RequestTimeout
from common.jose import parse_json

T = TypeVar("T")

_DIGITS = 18
"""Of the largest Content-Length worth reading; Python refuses to parse a number of some thousands."""


def require_small(request: Request, limit: int) -> None:
    """Raises PayloadTooLarge: more than `limit` bytes are announced."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > _DIGITS or int(announced) > limit):
        raise _too_large(limit)


async def read_body(request: Request, *, limit: int, seconds: float) -> bytes:
    """The whole body.

    Raises:
        PayloadTooLarge: more than `limit` bytes arrive.
        RequestTimeout: it takes longer than `seconds`.
        starlette.requests.ClientDisconnect: the client left.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise RequestTimeout(f"The body must arrive within {seconds:g} seconds.") from None
    return bytes(body)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body may have {limit} bytes at most.")


def decoder(shape: type[T]) -> Callable[[bytes], T]:
    """A function that decodes a JSON body into the dataclass `shape` and refuses every unknown member, nested too.

    It raises InvalidRequest.
    """
    nested = _nested(shape)
    allowed = _names(shape)

    def decode(body: bytes) -> T:
        value = parse_json(body, "The body")
        _require_known(value, allowed, "The body")
        for name, inner in nested.items():
            items = value.get(name)
            for item in items if isinstance(items, list) else ():
                _require_known(item, inner, f"Each of {name}")
        try:
            return msgspec.convert(value, shape)
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"{error}.") from None

    return decode


def _names(shape: Any) -> frozenset[str]:
    return frozenset(field.name for field in fields(shape))


def _nested(shape: Any) -> dict[str, frozenset[str]]:
    hints = get_type_hints(shape)
    return {
        name: _names(inner)
        for name, hint in hints.items()
        for inner in get_args(hint)[:1]
        if is_dataclass(inner)
    }


def _require_known(value: Any, allowed: frozenset[str], name: str) -> None:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{name} must be a JSON object.")
    if not value.keys() <= allowed:
        known = f" but {', '.join(sorted(allowed))}" if allowed else ""
        raise InvalidRequest(f"{name} may have no members{known}.")
