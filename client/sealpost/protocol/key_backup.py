"""The sealed backup: every history key, the pins and one's own head, under a recovery code.

It is a flattened JWE (RFC 7516), ``dir`` with A256GCM; the key is Argon2id (RFC 9106) of the code. The service keeps the
text and can guess at the code for ever, so codes are generated: 24 characters, 120 bits.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Final, Self

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealpost.protocol import bounds, crockford, encoding, identifiers, jose, jws
from sealpost.protocol.body import Pin, read_pins
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.errors import (
    BackupTooLargeError,
    Code,
    ForkError,
    HiddenError,
    ProtocolError,
    malformed,
)
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.protocol.statements import Backup

CODE_LENGTH: Final = 24
"""Characters, 120 bits."""
TYPE: Final = "sealpost-backup+json"

_MEMBERS: Final = frozenset({"protected", "iv", "ciphertext", "tag"})
_FIXED: Final = {"alg": "dir", "enc": jose.ENCRYPT, "typ": TYPE, "kdf": "argon2id"}
_PROTECTED: Final = frozenset(_FIXED) | {"iss", "n", "m", "t", "p", "salt"}
_CONTENT: Final = frozenset({"v", "uid", "head", "history_keys", "pins"})
_SALT: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_IV: Final = re.compile(r"[A-Za-z0-9_-]{16}")
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_SALT_BYTES: Final = 16
_IV_BYTES: Final = 12
_TAG_BYTES: Final = 16
_BUCKET: Final = 4096

grouped = crockford.grouped


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id's cost: ``memory`` in KiB, ``passes``, ``lanes``. ``malformed`` beyond what a reader computes."""

    memory: int = 65536
    passes: int = 3
    lanes: int = 1

    def __post_init__(self) -> None:
        if not (
            encoding.is_integer(self.lanes, 1, 4)
            and encoding.is_integer(self.passes, 1, 10)
            and encoding.is_integer(self.memory, 8 * self.lanes, 262144)
        ):
            raise malformed("backup: a cost that no reader computes")


@dataclass(frozen=True, slots=True)
class Content:
    """What a backup holds. ``head`` is that of one's own chain when it was made."""

    head: Head
    history_keys: tuple[PrivateKey, ...] = field(repr=False)
    pins: tuple[Pin, ...] = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, dict):
            jws.known_version(value)
        content = encoding.members(value, _CONTENT)
        head = Head.parse(content["head"])
        if content["head"] != head.to_json() or content["uid"] != head.uid:
            raise malformed("backup: head is not the account's")
        if not isinstance(content["history_keys"], list) or not content["history_keys"]:
            raise malformed("backup: no history key")
        keys = tuple(PrivateKey.parse(key) for key in content["history_keys"])
        if any(key.public.use is not Use.ENCRYPTION for key in keys) or len({key.kid for key in keys}) != len(
            keys
        ):
            raise malformed("backup: history keys are distinct encryption keys")
        return cls(head, keys, read_pins(content["pins"]))

    def to_json(self) -> dict[str, Any]:
        return {
            "v": bounds.VERSION,
            "uid": self.head.uid,
            "head": self.head.to_json(),
            "history_keys": [key.to_json() for key in self.history_keys],
            "pins": [pin.to_json() for pin in self.pins],
        }

    def check_chain(self, chain: Chain) -> None:
        """That the verified ``chain`` goes on from the head inside: else ``chain-rollback`` or ``chain-fork``."""
        try:
            chain.check_reference(self.head.seq, self.head.hash)
        except HiddenError:
            raise ProtocolError(Code.CHAIN_ROLLBACK, "backup: made with a longer chain") from None
        if chain.head_at(self.head.seq) != self.head:
            raise ForkError("another root is stated", ours=self.head.root, theirs=chain.head.root)


def new_code() -> str:
    """A recovery code; it is shown once, and kept by nobody but the person."""
    return crockford.new(CODE_LENGTH)


def read_code(text: str) -> str:
    """What a person typed; ``mistyped`` if it is no recovery code."""
    return crockford.read(text, CODE_LENGTH)


def digest(text: str) -> str:
    """The hash that the chain announces: base64url(SHA-256(ASCII of the backup))."""
    return encoding.digest(text)


def seal(content: Content, *, code: str, n: int, cost: Cost | None = None) -> str:
    """The ``n``-th backup of the account, as JSON text to store byte for byte. Takes some 100 ms.

    Raises :class:`BackupTooLargeError`: leave pins out, those that were not verified first.
    """
    cost, salt, iv = cost or Cost(), secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_IV_BYTES)
    header = _FIXED | {"iss": content.head.uid, "n": n, "m": cost.memory, "t": cost.passes, "p": cost.lanes}
    protected = encoding.b64encode(
        encoding.compact_json(header | {"salt": encoding.b64encode(salt)}).encode("ascii")
    )
    plaintext = encoding.compact_json(content.to_json()).encode()
    plaintext += b" " * (-len(plaintext) % _BUCKET)
    sealed = AESGCM(_derive(code, salt, cost)).encrypt(iv, plaintext, protected.encode("ascii"))
    text = encoding.compact_json(
        {
            "protected": protected,
            "iv": encoding.b64encode(iv),
            "ciphertext": encoding.b64encode(sealed[:-_TAG_BYTES]),
            "tag": encoding.b64encode(sealed[-_TAG_BYTES:]),
        }
    )
    if len(text) > bounds.MAX_BACKUP:
        raise BackupTooLargeError(size=len(text), limit=bounds.MAX_BACKUP)
    return text


def open_backup(text: str, *, code: str, uid: str, announced: Backup) -> Content:
    """What a backup holds, if it is the one that ``uid``'s chain announces and the code opens it.

    Raises ``backup-stale`` for any other text, ``malformed`` for what is no backup (nothing is computed then), and
    ``backup-unreadable`` for another code. The caller compares the head inside: :meth:`Content.check_chain`.
    """
    if not text.isascii() or digest(text) != announced.hash:
        raise ProtocolError(Code.BACKUP_STALE, "backup: not the announced one")
    if len(text) > bounds.MAX_BACKUP:
        raise malformed("backup: longer than its bound")
    jwe = encoding.members(encoding.loads(text), _MEMBERS)
    protected, iv, tag = _text(jwe["protected"]), _matching(_IV, jwe["iv"]), _matching(_TAG, jwe["tag"])
    header = encoding.members(encoding.loads(encoding.b64decode(protected)), _PROTECTED)
    if any(header[name] != fixed for name, fixed in _FIXED.items()):
        raise malformed("backup: another algorithm or type than this version's")
    if identifiers.uid(header["iss"]) != uid:
        raise malformed("backup: of another account")
    if not encoding.is_integer(header["n"], low=1):
        raise malformed("backup: n counts from 1")
    if header["n"] != announced.n:
        raise ProtocolError(Code.BACKUP_STALE, "backup: of another number than the announced one")
    cost, salt = Cost(header["m"], header["t"], header["p"]), _matching(_SALT, header["salt"])
    sealed = encoding.b64decode(_text(jwe["ciphertext"])) + tag
    try:
        plaintext = AESGCM(_derive(code, salt, cost)).decrypt(iv, sealed, protected.encode("ascii"))
    except InvalidTag:
        raise ProtocolError(Code.BACKUP_UNREADABLE, "backup: another code, or altered") from None
    content = Content.parse(encoding.loads(plaintext))
    if content.head.uid != uid:
        raise malformed("backup: holds another account's")
    return content


def _derive(code: str, salt: bytes, cost: Cost) -> bytes:
    return hash_secret_raw(
        code.encode("ascii"),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory,
        parallelism=cost.lanes,
        hash_len=jose.CONTENT_KEY_BYTES,
        type=Type.ID,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise malformed("backup: a part is not a text")
    return value


def _matching(pattern: re.Pattern[str], value: object) -> bytes:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise malformed("backup: a part of another length than its algorithm's")
    return encoding.b64decode(value)
