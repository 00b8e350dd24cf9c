"""What somebody finds who reads every byte of a profile's files: journals, free pages and slack between rows included."""

import base64
from collections.abc import Iterator
from pathlib import Path

from sealpost.state import State

_PIECE = 24
_FRAGMENT = 16
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi")


def read(folder: Path) -> bytes:
    """Every byte of every file, and of every name."""
    return b"".join(
        str(path).encode() + (path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")
    )


def forms(value: bytes) -> Iterator[bytes]:
    """What `value` looks like in the encodings that programs leave things in; in base64 wherever it begins."""
    yield value
    yield value[::-1]
    yield value.hex().encode()
    yield value.hex().upper().encode()
    yield str(int.from_bytes(value)).encode()
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + value).rstrip(b"=")
        inner = encoded[-(-8 * shift // 6) : len(encoded) - 1]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def shows(found: bytes, value: bytes) -> bool:
    """Whether `found` holds `value` or a long piece of it in any form."""
    pieces = [value[start : start + _PIECE] for start in range(0, len(value), _PIECE)]
    whole = [piece for piece in pieces if len(piece) == _PIECE] or [value]
    return any(form in found for piece in [value, *whole] for form in forms(piece))


def shows_text(found: bytes, text: str) -> bool:
    return any(shows(found, text.encode(encoding)) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))


def shows_key(found: bytes, jwk: dict[str, str]) -> bool:
    """Whether `found` holds any private member of the key."""
    members = [base64.urlsafe_b64decode(jwk[name] + "==") for name in _PRIVATE]
    return any(shows(found, member) for member in members)


def row(state: State, table: str, identity: str) -> bytes:
    """The sealed value of a row as it stands in the file."""
    column = {"documents": "id", "messages": "mid"}[table]
    (value,) = state._database.execute(
        f"select sealed from {table} where {column} = ?",  # noqa: S608 - a table of this file
        (identity,),
    ).fetchone()
    assert isinstance(value, bytes)
    return value


def shows_piece(found: bytes, sealed: bytes) -> bool:
    """Whether `found` holds any of the pieces of 16 bytes that a row's sealed value is made of."""
    return any(
        sealed[start : start + _FRAGMENT] in found for start in range(0, len(sealed) - _FRAGMENT, _FRAGMENT)
    )
