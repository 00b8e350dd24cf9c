"""A drill that finds nothing proves nothing, unless it would have found something."""

from collections import Counter
from dataclasses import replace
from hashlib import sha256

import pytest

from tests.drill.__main__ import main
from tests.drill.comparison import Seen, Snapshot, differences
from tests.drill.crowd import Acknowledged

TALK, TEXT = "conversations/c", "conversations/c/messages/m"
TOLD = Acknowledged(path=TEXT, envelope="sealed", sent_at="2026-11-22T12:00:00.000001Z")
BEFORE = Snapshot(
    documents={
        TALK: Seen("talk", last=5),
        TEXT: Seen("text", told=(sha256(b"sealed").hexdigest(), TOLD.sent_at)),
    },
    rows={"accounts": Counter({"ada": 1, "bob": 2})},
)
AFTER = Snapshot(
    documents=BEFORE.documents | {TALK: Seen("talk", last=9), f"{TEXT}2": Seen("later")},
    rows={"accounts": BEFORE.rows["accounts"] | Counter({"cyd": 1})},
)


def found(restored: Snapshot) -> list[str]:
    return differences(BEFORE, restored, AFTER, [TOLD])


def with_document(path: str, seen: Seen) -> Snapshot:
    return replace(BEFORE, documents=BEFORE.documents | {path: seen})


def test_what_was_there_before_or_after_is_no_difference() -> None:
    assert found(BEFORE) == []
    assert found(AFTER) == []
    assert found(with_document(TALK, Seen("talk", last=7))) == []


def test_a_lost_document_is_found_and_so_is_what_its_sender_was_told() -> None:
    without = replace(BEFORE, documents={TALK: BEFORE.documents[TALK]})
    assert found(without) == [f"{TEXT} is missing", f"{TEXT} is not what was acknowledged"]


@pytest.mark.parametrize(
    ("path", "seen", "difference"),
    [
        (TEXT, replace(BEFORE.documents[TEXT], checksum="other"), f"{TEXT} has other fields"),
        (TALK, Seen("talk", last=4), f"{TALK} has other fields"),
        (TALK, Seen("talk", last=10), f"{TALK} was never so"),
        (TEXT, replace(BEFORE.documents[TEXT], told=("other", TOLD.sent_at)), f"{TEXT} is not what was"),
        ("conversations/x", Seen("half"), "conversations/x was never so"),
    ],
)
def test_a_document_that_was_never_so_is_found(path: str, seen: Seen, difference: str) -> None:
    assert any(each.startswith(difference) for each in found(with_document(path, seen)))


def test_a_lost_row_and_one_that_was_never_there_are_found() -> None:
    assert found(replace(BEFORE, rows={"accounts": Counter({"ada": 1})})) == [
        "2 rows of accounts are missing or others"
    ]
    assert found(replace(BEFORE, rows={"accounts": Counter({"ada": 1, "bob": 2, "eve": 1})})) == [
        "1 rows of accounts were never so"
    ]


def test_of_rows_that_are_alike_each_one_counts() -> None:
    for bobs, said in ((1, "are missing or others"), (3, "were never so")):
        rows = {"accounts": Counter({"ada": 1, "bob": bobs})}
        assert found(replace(BEFORE, rows=rows)) == [f"1 rows of accounts {said}"]


@pytest.mark.parametrize("words", [["--accounts", "2"], ["--messages", "0"], ["--nonsense"]])
def test_a_drill_that_cannot_be_is_refused_before_anything_starts(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 2
