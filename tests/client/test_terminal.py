"""Nothing that a peer writes has power over the terminal."""

import io
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealpost import terminal
from sealpost.errors import SealpostError
from sealpost.terminal import explain, local_time, neutralised, progress


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


def test_continuation_lines_cannot_pass_for_a_header_or_a_notice() -> None:
    assert neutralised("a\r\n2026-11-22 bob: b\n! c", multiline=True) == "a\n  | 2026-11-22 bob: b\n  | ! c"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (253402300799, "9999-12-31 23:59:59+00:00"),
        (-62135596800, "0001-01-01 00:00:00+00:00"),
        (1e12, "1000000000000 s after 1970"),
        (1e300, f"{1e300:.0f} s after 1970"),
    ],
)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_every_time_can_be_said(
    seconds: float, shown: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert local_time(seconds)[:4] in {shown[:4], "9998"}
    finally:
        monkeypatch.undo()
        time.tzset()


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


def test_on_a_terminal_the_seconds_are_counted_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = threading.Event()
    shown = io.StringIO()

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            if "Slow ... 0" in text:
                counted.set()
            return shown.write(text)

    monkeypatch.setattr(terminal, "_SLOW", 0.01)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("Slow"):
        assert counted.wait(10)

    assert shown.getvalue().startswith("\r\x1b[KSlow ... 0 s")
    assert shown.getvalue().endswith(" s\n")
    assert shown.getvalue().count("\n") == 1


def test_an_error_without_a_cure_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    explain(SealpostError("It broke\x1b.", code="broken"))

    assert capsys.readouterr().err == "sealpost: It broke\\u{1b}.\n"
