"""Where a profile lives."""

import os
import re
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
        return StateFile(self.home / self.name / "state.sqlite")

    @property
    def key_file(self) -> Path:
        """Where an unlock keeps its half: in memory where the platform has a runtime folder, else beside the state."""
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        if runtime and Path(runtime).is_dir():
            return Path(runtime) / "sealpost" / f"{self._mark}.unlocked"
        return self.home / self.name / "unlocked"

    @property
    def _mark(self) -> str:
        return re.sub(r"[^A-Za-z0-9]+", "-", str(self.home / self.name)).strip("-")[-180:]
