from dataclasses import dataclass
from typing import Any

from common.errors import InvalidRequest
from common.jose import digest, integer

BACKUP_BYTES = 96 * 1024
"""A backup is no longer than this."""
KEPT = 3
"""How many of an account's newest backups are kept, besides the one that its chain names last."""


@dataclass(frozen=True, slots=True)
class NewBackup:
    """The request {"n", "backup": JWE as a string, "proof"}; the edge checks the proof."""

    n: int
    backup: str
    proof: str

    def __post_init__(self) -> None:
        integer(self.n, "n", least=1)
        if len(self.backup) > BACKUP_BYTES or not self.backup.isascii():
            raise InvalidRequest(f"The backup must be ASCII and have {BACKUP_BYTES} bytes at most.")

    @property
    def hash(self) -> str:
        return digest(self.backup)


@dataclass(frozen=True, slots=True)
class BackupQuery:
    """The request {"n", "proof"}; the edge checks the proof."""

    n: int
    proof: str

    def __post_init__(self) -> None:
        integer(self.n, "n", least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A sealed backup as it is kept, byte for byte."""

    n: int
    hash: str
    """base64url(SHA-256(ASCII bytes of `text`)), which the account's chain announces."""
    text: str

    def json(self) -> dict[str, Any]:
        return {"n": self.n, "backup": self.text}
