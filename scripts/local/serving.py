"""Which databases a data folder's run serves: those it began with, or a restored pair that was admitted."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from scripts.local.emulators import DEFAULT
from scripts.local.stack import DATABASE

_FILE = "serving.json"


@dataclass(frozen=True, slots=True)
class Serving:
    documents: str = DEFAULT
    """Firestore's database."""
    relations: str = DATABASE
    """PostgreSQL's."""

    @classmethod
    def read(cls, data: Path) -> Self:
        path = data / _FILE
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else cls()

    def keep(self, data: Path) -> None:
        """Whole or not at all: the next run serves these."""
        draft = data / f"{_FILE}.draft"
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.replace(data / _FILE)
