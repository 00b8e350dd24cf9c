"""Where a profile lives."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from sealpost.errors import UsageError
from sealpost.state import StateFile

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class ProfileFolder:
    """One person's state on this machine: `{home}/{name}/`, 0700, files 0600."""

    home: Path
    name: str = "default"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                "A profile's name is 1 to 64 letters, digits, dots, hyphens or underscores.",
                cure="For example: --profile work",
            )

    @classmethod
    def of(cls, name: str = "default") -> "ProfileFolder":
        """Under SEALPOST_HOME, or else where this platform keeps configuration."""
        home = os.environ.get("SEALPOST_HOME")
        return cls(Path(home).absolute() if home else platformdirs.user_config_path("sealpost"), name)

    @property
    def state(self) -> StateFile:
        return StateFile(self.home / self.name / "state.sqlite", key_file=self.key_file)

    @property
    def key_file(self) -> Path:
        """Where an unlock keeps its half, never beside the state: a copy of the profile's folder opens nothing.

        In memory where the platform has a runtime folder, else under the system's temporary folder.
        """
        mark = hashlib.sha256(os.fsencode((self.home / self.name).absolute())).hexdigest()[:16]
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        if runtime and Path(runtime).is_dir():
            return Path(runtime) / "sealpost" / f"{mark}.unlocked"
        return Path(tempfile.gettempdir()) / f"sealpost-{os.getuid()}-{mark}" / "unlocked"
