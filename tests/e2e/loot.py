"""What a thief gets out of a copy of a profile with its passphrase: every value that was ever sealed and is still there.

Shares no code with the client but the place names of two values.
"""

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors.forge import OAEP

_NONCE = 12
_FIRST_COUNTER = (2).to_bytes(4)
"""Of GCM's own counter mode, for a nonce of 12 bytes (NIST SP 800-38D, section 7.1)."""
_STREAM = 1 << 16
_PAGE = 4096
_BEGINS = b'{"'
_DAMAGE = 8
"""What SQLite writes into a page that it has freed."""
_BY_CHANCE = 64
"""So many characters in a row: 95 of 256 bytes are printable."""
_OF_256_BITS, _OF_1536_BITS = 43, 256
"""Characters of base64url."""
_TEXTS = re.compile(r'"([A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{256})"')


@dataclass(frozen=True, slots=True)
class Loot:
    """RSA keys, and whatever could be an AES key."""

    private: tuple[rsa.RSAPrivateKey, ...]
    symmetric: frozenset[bytes]

    def opens(self, envelope: str) -> bool:
        """Whether any key opens a recorded message, by the primitives alone."""
        sealed = json.loads(envelope)
        wrapped = [_bytes(entry["encrypted_key"]) for entry in sealed["recipients"]]
        unwrapped = [_unwrapped(key, one) for key in self.private for one in wrapped]
        content = _bytes(sealed["ciphertext"]) + _bytes(sealed["tag"])
        iv, aad = _bytes(sealed["iv"]), sealed["protected"].encode()
        for key in {*unwrapped, *self.symmetric} - {b""}:
            with suppress(InvalidTag):
                return bool(AESGCM(key).decrypt(iv, content, aad))
        return False


def loot(copy: Path, *, passphrase: str) -> Loot:
    """From every byte of every file: rows, free pages, journals, and the half of an unlock."""
    found = {text for value in _values(copy, passphrase) for text in _TEXTS.findall(value)}
    factors = [int.from_bytes(_bytes(text)) for text in found if len(text) == _OF_1536_BITS]
    pairs = {(p, q) for p, q in combinations(factors, 2) if _kid(p * q) in found}
    symmetric = frozenset(_bytes(text) for text in found if len(text) == _OF_256_BITS)
    return Loot(tuple(_rsa(p, q) for p, q in pairs), symmetric)


def _values(copy: Path, passphrase: str) -> Iterator[str]:
    files = {path: path.read_bytes() for path in sorted(copy.rglob("*")) if path.is_file()}
    (state,) = (path for path in files if path.name == "state.sqlite")
    keys = _state_keys(state, [files[path] for path in files if path != state], passphrase)
    for data in files.values():
        yield data.decode("ascii", "replace")
        for key in keys:
            yield from _sealed(data, key)


def _state_keys(state: Path, halves: list[bytes], passphrase: str) -> set[bytes]:
    """By the passphrase, and by the file of an unlock."""
    with closing(sqlite3.connect(f"file:{state}?mode=ro&immutable=1", uri=True)) as database:
        meta = dict(database.execute("select name, value from meta"))
    memory, passes, lanes = json.loads(meta["cost"])
    opener = hash_secret_raw(
        passphrase.encode(),
        meta["salt"],
        time_cost=passes,
        memory_cost=memory,
        parallelism=lanes,
        hash_len=32,
        type=Type.ID,
    )
    found = {_unsealed(opener, meta["key"], "state key")}
    for half in halves:
        until, _, key = half.partition(b"\n")
        if len(key) == 32:
            found.add(_unsealed(key, meta["unlock"], f"unlocked until {until.decode()}"))
    return found


def _unsealed(key: bytes, sealed: bytes, place: str) -> bytes:
    aad = b"sealpost state 1\x00" + place.encode()
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], aad)


def _sealed(data: bytes, key: bytes) -> Iterator[str]:
    """JSON that is sealed under this key, wherever it begins. Its tag is not asked for: a part of it is loot as well."""
    ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block of CTR mode for each place
    last = len(data) - _NONCE - _DAMAGE
    counters = b"".join(data[at : at + _NONCE] + _FIRST_COUNTER for at in range(last))
    stream = ecb.update(counters)
    for at in range(last):
        first = data[at + _NONCE : at + _NONCE + 2]
        if (
            bytes(one ^ other for one, other in zip(first, stream[16 * at : 16 * at + 2], strict=True))
            == _BEGINS
        ):
            yield _followed(data, at, key)


def _followed(data: bytes, at: int, key: bytes) -> str:
    """A row's value: the rest of its page, and the pages where it overflows (sqlite.org/fileformat2.html, section 1.6)."""
    counter = data[at : at + _NONCE] + _FIRST_COUNTER
    stream = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(bytes(_STREAM))
    text, where = b"", at + _NONCE
    end = (where // _PAGE + 1) * _PAGE
    while True:
        part = _xor(data[where:end], stream[len(text) :])
        follows = _overflow(data, where, _readable(part[_DAMAGE:]) + _DAMAGE, stream[len(text) :])
        if follows is None or len(text) + 2 * _PAGE > _STREAM:
            return (text + part).decode("ascii", "replace")
        cut, where = follows
        text, end = text + part[:cut], where - 4 + _PAGE


def _overflow(data: bytes, where: int, length: int, stream: bytes) -> tuple[int, int] | None:
    """How much of the readable part is the value's, and where it goes on: the page that the four bytes after it name.

    These four, and what follows them, may look readable by chance.
    """
    for cut in range(length, max(length - _BY_CHANCE, 0), -1):
        page = int.from_bytes(data[where + cut : where + cut + 4])
        goes_on = (page - 1) * _PAGE + 4
        if 0 < page <= len(data) // _PAGE:
            tried = _xor(data[goes_on : goes_on + 3 * _DAMAGE], stream[cut:])
            if _readable(tried[_DAMAGE:]) >= min(_DAMAGE, len(tried) - _DAMAGE):
                return cut, goes_on
    return None


def _readable(text: bytes) -> int:
    """The length of the printable ASCII at the beginning."""
    return next((at for at, one in enumerate(text) if not 32 <= one < 127), len(text))


def _xor(data: bytes, stream: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))


def _kid(n: int) -> str:
    """RFC 7638. It tells which of the numbers that are found are a key's."""
    modulus = base64.urlsafe_b64encode(n.to_bytes((n.bit_length() + 7) // 8)).rstrip(b"=").decode()
    canonical = f'{{"e":"AQAB","kty":"RSA","n":"{modulus}"}}'
    return base64.urlsafe_b64encode(sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def _rsa(p: int, q: int) -> rsa.RSAPrivateKey:
    e = 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _unwrapped(key: rsa.RSAPrivateKey, wrapped: bytes) -> bytes:
    """Nothing where it is wrapped for another key."""
    with suppress(ValueError):
        return key.decrypt(wrapped, OAEP)
    return b""


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
