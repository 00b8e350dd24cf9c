"""What the service keeps of a run: read whole, written down, and printed with its long values cut."""

import http.client
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.local.emulators import OWNER
from scripts.local.say import Stop
from scripts.local.stack import DATABASE, PROJECT, Backing
from scripts.local.web import call

_LONGEST = 100
"""Characters of a value that are printed."""


@dataclass(frozen=True, slots=True)
class Stored:
    firestore: list[dict[str, Any]]
    """Every document, as Firestore's REST interface writes it."""
    postgres: dict[str, list[dict[str, Any]]]
    """Every row of each table that is not empty."""

    @classmethod
    def of(cls, backing: Backing) -> "Stored":
        return cls(backing.firestore.documents(PROJECT), _rows(backing))

    def contents(self) -> list[tuple[str, bytes]]:
        """What a search reads."""
        return [
            ("PostgreSQL's rows", json.dumps(self.postgres, ensure_ascii=False).encode()),
            ("Firestore's documents", json.dumps(self.firestore, ensure_ascii=False).encode()),
        ]

    def write(self, path: Path) -> None:
        """Write all of it, for its owner alone."""
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=2)

    def rows(self) -> str:
        """PostgreSQL's part, for a person."""
        lines = []
        for table, rows in self.postgres.items():
            for number, row in enumerate(rows, 1):
                lines.append(f"  {table} ({number} of {len(rows)})")
                lines += [
                    f"    {name} = {cut(value if isinstance(value, str) else json.dumps(value))}"
                    for name, value in row.items()
                    if value is not None
                ]
        return "\n".join(lines)


def document(backing: Backing, path: str) -> dict[str, Any]:
    """One document of Firestore.

    Raises:
        Stop: there is none.
    """
    answer = call(
        "GET",
        f"{backing.firestore.url}/v1/projects/{PROJECT}/databases/(default)/documents/{path}",
        bearer=OWNER,
    )
    if answer.status != http.client.OK:
        raise Stop(f"Firestore has no {path}: {answer.status}.")
    found: dict[str, Any] = answer.json
    return found


def cut(value: Any) -> Any:
    """A value of JSON, its long strings cut."""
    match value:
        case str() if len(value) > _LONGEST:
            return f"{value[:_LONGEST]}... {len(value) - _LONGEST:,} more"
        case list():
            return [cut(each) for each in value]
        case dict():
            return {name: cut(each) for name, each in value.items()}
    return value


def _rows(backing: Backing) -> dict[str, list[dict[str, Any]]]:
    connection = backing.postgres.connect(DATABASE)
    try:
        tables = connection.run(
            "select table_name from information_schema.tables where table_schema = 'public' "
            "and table_name <> 'migrations' order by 1"
        )
        found = {
            str(table): [
                row
                for (row,) in connection.run(f'select row_to_json(t) from "{table}" t')  # noqa: S608 - names from the catalogue
            ]
            for (table,) in tables
        }
    finally:
        connection.close()
    return {table: rows for table, rows in found.items() if rows}
