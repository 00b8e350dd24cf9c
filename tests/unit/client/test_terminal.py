"""Nothing that a peer writes has power over the terminal."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealpost import terminal
from sealpost.terminal import neutralised, progress


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße 👩‍👩‍👧 שלום مرحبا 你好", "Grüße 👩‍👩‍👧 שלום مرحبا 你好"),
        ("\x1b[31mred\x1b]0;title\x07", r"\u{1b}[31mred\u{1b}]0;title\u{7}"),
        ("a\u202eb\u2066c\u200f", r"a\u{202e}b\u{2066}c\u{200f}"),
        ("a\x9bb\x7f\x00", r"a\u{9b}b\u{7f}\u{0}"),
        ("over\rwritten", r"over\u{d}written"),
        ("zero\u200bwidth\ufeff\u00ad", r"zero\u{200b}width\u{feff}\u{ad}"),
        ("\ud800\ue000\U000e0041", r"\u{d800}\u{e000}\u{e0041}"),
        ("line\u2028and\u2029paragraph", r"line\u{2028}and\u{2029}paragraph"),
        ("tab\tbed", "tab bed"),
        ("two\nlines", r"two\u{a}lines"),
    ],
)
def test_neutralised(text: str, shown: str) -> None:
    assert neutralised(text) == shown


def test_continuation_lines_cannot_pass_for_a_header() -> None:
    assert neutralised("a\r\n2026-11-22 bob: b", multiline=True) == "a\n    2026-11-22 bob: b"


@given(st.text())
def test_what_is_shown_is_printable(text: str) -> None:
    assert all(
        character.isprintable() or character in "\u200c\u200d \u00a0" or character.isspace()
        for character in neutralised(text)
    )
    assert "\n" not in neutralised(text)


def test_progress_speaks_only_of_slow_steps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress("Quick"):
        pass
    assert capsys.readouterr().err == ""

    monkeypatch.setattr(terminal, "_SLOW", 0.01)
    with progress("Slow"):
        time.sleep(0.05)

    first, last = capsys.readouterr().err.splitlines()
    assert first == "Slow ..."
    assert last.startswith("Slow ... 0.")
