"""The outer layer: a General JSON JWE (RFC 7516 section 7.2.1) of one fixed shape, and the padding inside."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from sealpost.protocol import bounds, encoding, identifiers, jose, jws
from sealpost.protocol.errors import malformed

_MEMBERS: Final = frozenset({"protected", "recipients", "iv", "ciphertext", "tag"})
_ENTRY: Final = frozenset({"header", "encrypted_key"})
_ENTRY_HEADER: Final = frozenset({"kid"})
_FIXED: Final = {
    "v": bounds.VERSION,
    "alg": jose.WRAP,
    "enc": jose.ENCRYPT,
    "typ": "sealpost+json",
    "cty": jws.Type.MESSAGE.value,
}
_WRAPPED_KEY: Final = re.compile(r"[A-Za-z0-9_-]{512}")
_IV: Final = re.compile(r"[A-Za-z0-9_-]{16}")
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_SMALL_BUCKETS: Final = (256, 512, 1024, 2048)
_BUCKET: Final = 4096


def padding(length: int) -> int:
    """How many zeros follow a serialised body of ``length`` UTF-8 bytes.

    Together they fill the least of 256, 512, 1024, 2048, 4096 and the further multiples of 4096.
    """
    for bucket in _SMALL_BUCKETS:
        if length <= bucket:
            return bucket - length
    return -length % _BUCKET


def protected_header(ctx_hash: str) -> str:
    """The protected header, compact, its members in the order of protocol.md."""
    return encoding.compact_json(_FIXED | {"ctx": ctx_hash})


@dataclass(frozen=True, slots=True)
class Outer:
    """An envelope whose shape, bounds and version are right; nothing of it is authenticated."""

    protected: str
    ctx: str
    wrapped: Mapping[str, str] = field(repr=False)
    """The encrypted content key of each recipient in base64url, by the id of the recipient's key, ascending."""
    iv: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    tag: bytes = field(repr=False)

    @property
    def kids(self) -> tuple[str, ...]:
        """The recipients' key ids, ascending."""
        return tuple(self.wrapped)

    @classmethod
    def parse(cls, envelope: str) -> Self:
        """Check 1 of a receiver: ``malformed``, or ``update-needed`` for another ``v``."""
        if not envelope.isascii() or len(envelope) >= bounds.MAX_ENVELOPE:
            raise malformed("envelope: not ASCII within its bound")
        jwe = encoding.loads(envelope)
        if not isinstance(jwe, dict):
            raise malformed("envelope: not an object")
        ctx = _read_protected(jwe.get("protected"))
        encoding.members(jwe, _MEMBERS)
        iv, tag = encoding.b64decode(_shaped(_IV, jwe["iv"])), encoding.b64decode(_shaped(_TAG, jwe["tag"]))
        ciphertext = encoding.b64decode(jwe["ciphertext"]) if isinstance(jwe["ciphertext"], str) else b""
        if not ciphertext:
            raise malformed("envelope: no ciphertext")
        wrapped = _read_entries(jwe["recipients"])
        return cls(
            protected=jwe["protected"], ctx=ctx, wrapped=wrapped, iv=iv, ciphertext=ciphertext, tag=tag
        )


def _read_protected(value: object) -> str:
    if not isinstance(value, str):
        raise malformed("envelope: no protected header")
    header = encoding.loads(encoding.b64decode(value))
    if not isinstance(header, dict):
        raise malformed("envelope: protected header is not an object")
    jws.known_version(header)
    ctx = identifiers.hash256(header.get("ctx"))
    if header != _FIXED | {"ctx": ctx}:
        raise malformed("envelope: another algorithm or type than this version's, or another member")
    return ctx


def _read_entries(value: object) -> dict[str, str]:
    if not isinstance(value, list) or not 1 <= len(value) <= bounds.MAX_RECIPIENTS:
        raise malformed("envelope: 1 to 100 recipients")
    wrapped: dict[str, str] = {}
    last = ""
    for entry in value:
        encoding.members(entry, _ENTRY)
        kid = identifiers.hash256(encoding.members(entry["header"], _ENTRY_HEADER)["kid"])
        wrapped[kid] = _shaped(_WRAPPED_KEY, entry["encrypted_key"])
        if kid <= last:
            raise malformed("envelope: recipients are not ascending by distinct kid")
        last = kid
    return wrapped


def _shaped(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise malformed("envelope: a part of another length than its algorithm's")
    return value
