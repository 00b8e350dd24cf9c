"""Sealing of the local state: AES-256-GCM a value, under a random key wrapped by Argon2id of the passphrase."""

import os
import unicodedata
from dataclasses import dataclass

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealpost.errors import Locked, SealpostError

KEY_BYTES = 32
_NONCE_BYTES = 12
_SALT_BYTES = 16
MINIMUM_PASSPHRASE = 8
_MEMORY, _PASSES, _LANES = range(8, 262145), range(1, 11), range(1, 5)


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id's cost (RFC 9106): memory in KiB, passes, lanes. Bounded, as a damaged state may ask for anything."""

    memory: int = 65536
    passes: int = 3
    lanes: int = 1

    def __post_init__(self) -> None:
        if not (self.memory in _MEMORY and self.passes in _PASSES and self.lanes in _LANES):
            raise SealpostError("The state asks for an impossible passphrase cost.", code="damaged-state")


class Vault:
    """Seals and opens values under one key. A value opens only under the place it was sealed for."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(key)

    @classmethod
    def create(cls) -> "Vault":
        return cls(AESGCM.generate_key(bit_length=8 * KEY_BYTES))

    def seal(self, value: bytes, *, place: str) -> bytes:
        """A nonce (12) | ciphertext | tag (16). `place` names table, row and column, and is authenticated."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, _associated(place))

    def open(self, sealed: bytes, *, place: str) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _associated(place))
        except (InvalidTag, ValueError):
            raise SealpostError(
                f"The local state was changed from outside ({place}).",
                code="damaged-state",
                cure="Restore the profile's folder from a copy, or sign in with a new profile.",
            ) from None

    def secret(self) -> bytes:
        """The key itself, for the file of an unlock."""
        return self._key

    def wrap(self, passphrase: str, *, salt: bytes, cost: Cost) -> bytes:
        """The vault's key under the passphrase."""
        return Vault(_derive(passphrase, salt=salt, cost=cost)).seal(self._key, place="state key")

    def share(self, other: "Vault", *, place: str) -> bytes:
        """The vault's key under `other`, for unlocking without the passphrase."""
        return other.seal(self._key, place=place)


def unwrap(wrapped: bytes, passphrase: str, *, salt: bytes, cost: Cost) -> Vault:
    opener = Vault(_derive(passphrase, salt=salt, cost=cost))
    try:
        return Vault(opener.open(wrapped, place="state key"))
    except SealpostError:
        raise Locked("The passphrase is wrong.", code="wrong-passphrase", cure="Try again.") from None


def new_salt() -> bytes:
    return os.urandom(_SALT_BYTES)


def _derive(passphrase: str, *, salt: bytes, cost: Cost) -> bytes:
    """32 bytes: Argon2id of the passphrase's NFC form, so that every keyboard's accents agree."""
    return hash_secret_raw(
        unicodedata.normalize("NFC", passphrase).encode(),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory,
        parallelism=cost.lanes,
        hash_len=KEY_BYTES,
        type=Type.ID,
    )


def _associated(place: str) -> bytes:
    return b"sealpost state 1\x00" + place.encode()
