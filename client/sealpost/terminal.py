"""What reaches a terminal: peers' text made harmless, errors with their cure, progress of slow steps."""

import contextlib
import io
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TextIO

from sealpost.errors import SealpostError

_SLOW = 1.0
_HARMLESS_FORMAT = {"\u200c", "\u200d"}
"""Zero width non-joiner and joiner: letters and emoji need them, and they move nothing."""


def neutralised(text: str, *, multiline: bool = False) -> str:
    r"""`text` without power over a terminal.

    Control, format (bidi overrides, invisible marks), surrogate, private and unassigned characters and line and
    paragraph separators appear as `\u{...}`.

    With `multiline` line ends are kept, and continuation lines begin with a bar, so that no line of the text can pass
    for another message's header or for a notice. A tab becomes a space either way.
    """
    shown = []
    for character in text.replace("\r\n", "\n"):
        if character == "\n" and multiline:
            shown.append("\n  | ")
        elif character == "\t":
            shown.append(" ")
        elif _is_harmless(character):
            shown.append(character)
        else:
            shown.append(f"\\u{{{ord(character):x}}}")
    return "".join(shown)


def _is_harmless(character: str) -> bool:
    category = unicodedata.category(character)
    if category[0] == "C":
        return character in _HARMLESS_FORMAT
    return category not in {"Zl", "Zp"}


def local_time(seconds: float) -> str:
    """Local date and time to the second, with the offset from UTC: 2026-11-22 13:00:00+01:00.

    A time that this platform cannot say so is given in UTC, or else as its seconds.
    """
    try:
        time = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f} s after 1970"
    with contextlib.suppress(OverflowError, ValueError, OSError):
        time = time.astimezone()
    return time.isoformat(sep=" ", timespec="seconds")


def endure_any_text() -> None:
    """A terminal of another encoding gets an escape for what it cannot show, and no command ends for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str = "", *, stream: TextIO | None = None) -> None:
    """A line for the person, on stderr: stdout is for results."""
    print(text, file=stream or sys.stderr, flush=True)


def explain(error: SealpostError) -> None:
    say(f"sealpost: {neutralised(str(error))}")
    if error.cure:
        say(f"  {neutralised(error.cure)}")


def warn(text: str) -> None:
    say(f"warning: {neutralised(text)}")


@contextlib.contextmanager
def progress(what: str) -> Iterator[None]:
    """Says `what` on stderr when the block takes more than a second, and how long it took.

    On a terminal the seconds are counted; elsewhere each of the two lines is written once.
    """
    started = time.monotonic()
    done = threading.Event()
    ticker = threading.Thread(target=_tick, args=(what, started, done), daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
        taken = time.monotonic() - started
        if taken >= _SLOW:
            say(f"{_line_start()}{what} ... {taken:.1f} s")


def _tick(what: str, started: float, done: threading.Event) -> None:
    if done.wait(_SLOW):
        return
    if not sys.stderr.isatty():
        say(f"{what} ...")
        return
    while not done.is_set():
        print(f"\r\x1b[K{what} ... {time.monotonic() - started:.0f} s", end="", file=sys.stderr, flush=True)
        done.wait(_SLOW)


def _line_start() -> str:
    return "\r\x1b[K" if sys.stderr.isatty() else ""
