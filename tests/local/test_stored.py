import json
from pathlib import Path

from scripts.local.stored import Stored, cut
from scripts.local.traces import search

STORED = Stored(
    [{"name": "conversations/1", "fields": {"envelope": {"stringValue": "Ä" * 3000}}}],
    {
        "accounts": [
            {"uid": "one", "head_seq": 0, "root": None},
            {"uid": "t" * 200, "head_seq": None, "root": ""},
        ]
    },
)


def test_long_values_are_cut_wherever_they_are() -> None:
    long, short = "x" * 3004, "y" * 100
    assert cut({"one": [long, 7, None], "two": short}) == {
        "one": [f"{long[:100]}... 2,904 more", 7, None],
        "two": short,
    }


def test_rows_are_printed_with_their_long_values_cut() -> None:
    assert STORED.rows().splitlines() == [
        "  accounts (1 of 2)",
        "    uid = one",
        "    head_seq = 0",
        "  accounts (2 of 2)",
        f"    uid = {'t' * 100}... 100 more",
        "    root = ",
    ]


def test_what_is_written_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "stored.json"
    path.write_text("of an earlier run")
    STORED.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {"firestore": STORED.firestore, "postgres": STORED.postgres}


def test_both_databases_are_searched() -> None:
    assert search("Ä" * 20, STORED.contents()).traces
    assert search("t" * 20, STORED.contents()).traces
