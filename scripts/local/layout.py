"""Where things are kept. Whatever these scripts write is under `.local/` of the checkout."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one checkout."""

    root: Path = ROOT

    @property
    def local(self) -> Path:
        return self.root / ".local"

    @property
    def cache(self) -> Path:
        """Downloads, and the checkers' own caches. `--fresh` leaves them."""
        return self.local / "cache"

    @property
    def parts(self) -> Path:
        """What the machine lacked: Java, Node, PostgreSQL, the emulators."""
        return self.local / "parts"

    @property
    def venv(self) -> Path:
        return self.local / "venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def profiles(self) -> Path:
        """The profiles of `.local/bin/sealpost`: beside the accounts that they belong to, and emptied with them."""
        return self.data("run") / "profiles"

    def data(self, name: str) -> Path:
        """The data of one kind of run: `run`, `demo` or `test`."""
        return self.local / name

    def part(self, name: str, lock: Path) -> Path:
        """The folder of a fetched part. It bears the lock's hash and is renamed into place: if it exists, it is whole."""
        return self.parts / f"{name}-{digest(lock)[:12]}"


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
