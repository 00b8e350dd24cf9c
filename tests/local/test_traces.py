"""The search sees a text in every spelling, wherever it lies, and says nothing of what was there before."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from scripts.local.traces import Found, files, search, verdict

TEXT = 'Grüße, "Bob"? ✓>>>'
LONG = "".join(f"{number} bottles, " for number in range(500))


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "z", "zy"])
@pytest.mark.parametrize("text", [TEXT, "12345678", LONG])
def test_a_text_is_seen_in_every_spelling(text: str, before: str, after: str) -> None:
    whole = f"{before}{text}{after}"
    raw = whole.encode()
    for content in (
        raw,
        whole.encode("utf-16-le"),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        json.dumps(whole).encode(),
        json.dumps(whole, ensure_ascii=False).encode(),
        quote(whole).encode(),
        repr(whole).encode(),
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
    ):
        assert search(text, [("there", b"\0\1" + content + b"\2")]).traces, content


def test_a_spelling_is_called_by_its_first_name() -> None:
    assert search("greater than", [("there", b"is greater than")]).traces == ("there, as it is",)


def test_a_long_text_is_seen_where_one_end_of_it_is_cut_off() -> None:
    assert search(LONG, [("there", LONG[:2000].encode())]).traces
    assert search(LONG, [("there", LONG[-2000:].encode())]).traces


def test_what_is_not_there_is_not_seen() -> None:
    other = TEXT.replace("Bob", "Ben").encode()
    encoded = base64.b64encode(other)
    assert search(TEXT, [("one", other), ("two", encoded)]) == Found((), len(other) + len(encoded))


def test_every_file_is_searched_but_for_what_is_left_out(tmp_path: Path) -> None:
    for name in ("logs/suite.log", "people/alice/state", "users.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"before {TEXT} after")
    found = search(TEXT, files(tmp_path, but=["people"]))
    assert {trace.partition(",")[0] for trace in found.traces} == {"logs/suite.log", "users.json"}


def test_a_text_that_was_stored_is_said_with_its_place() -> None:
    said = verdict(TEXT, Found((), 100), Found(("logs/suite.log, in hex",), 200))
    assert said.leaked
    assert "logs/suite.log, in hex" in said.says
    clean = verdict(TEXT, Found((), 1000), Found((), 2000))
    assert not clean.leaked
    assert "The text occurs nowhere in 2,000 bytes of" in clean.says


def test_what_was_there_before_the_text_was_sent_is_no_trace_of_it_but_is_said() -> None:
    before = Found(("postgres/base/1, as it is",), 100)
    said = verdict("greater than", before, before)
    assert not said.leaked
    assert "cannot be told: it was there before it was sent\n(postgres/base/1" in said.says
    assert verdict("greater than", before, Found((*before.traces, "logs/suite.log, in hex"), 100)).leaked


def test_a_text_that_occurs_by_chance_is_not_judged() -> None:
    said = verdict("hi", Found((), 100), Found(("postgres/base/1, as it is",), 100))
    assert not said.leaked
    assert "not searched for" in said.says
