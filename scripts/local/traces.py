"""Whether a text lies anywhere in what is stored, in any spelling that does not hide it."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

LEAST = 8
"""Bytes of the shortest text to search for: shorter ones occur by chance."""

_PIECE = 64
"""Characters. Of a longer text its beginning and its end are searched for: where it is cut, or goes over pages, one is left."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Found:
    traces: tuple[str, ...]
    """Each the name of a place and how the text is spelled there."""
    size: int
    """The bytes that were searched."""


@dataclass(frozen=True, slots=True)
class Verdict:
    leaked: bool
    says: str


def verdict(text: str, before: Found, after: Found) -> Verdict:
    """What two searches for a text say, one from before it was sent: what was there by then is no trace of it."""
    if len(text.encode()) < LEAST:
        return Verdict(
            leaked=False, says=f"A text of less than {LEAST} bytes occurs by chance: not searched for."
        )
    traces = [trace for trace in after.traces if trace not in before.traces]
    if traces:
        listed = "".join(f"\n    {trace}" for trace in traces)
        return Verdict(leaked=True, says=f"The text is stored where nobody but Bob should have it:{listed}")
    if before.traces:
        return Verdict(
            leaked=False,
            says=f"Whether the text is stored cannot be told: it was there before it was sent\n({before.traces[0]}).",
        )
    return Verdict(
        leaked=False,
        says=f"The text occurs nowhere in {after.size:,} bytes of PostgreSQL (rows and files),\n"
        "Firestore (documents and export), users, logs, mails, backups and secrets.",
    )


def search(text: str, stored: Iterable[tuple[str, bytes]]) -> Found:
    """Search named contents for a text."""
    needles: dict[bytes, str] = {}
    for piece in _pieces(text):
        for how, needle in spellings(piece).items():
            needles.setdefault(needle, how)
    traces, size = [], 0
    for name, content in stored:
        size += len(content)
        traces += [f"{name}, {how}" for needle, how in needles.items() if needle in content]
    return Found(tuple(dict.fromkeys(traces)), size)


def files(folder: Path, *, but: Iterable[str] = ()) -> Iterator[tuple[str, bytes]]:
    """The name and content of every file under a folder, but for some of its own entries."""
    left_out = frozenset(but)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] in left_out or not path.is_file():
            continue
        try:
            yield str(name), path.read_bytes()
        except FileNotFoundError:  # a running database removes its own
            continue


def spellings(text: str) -> dict[str, bytes]:
    """The ways in which a text could lie in a file without being hidden."""
    raw = text.encode()
    found = {
        "as it is": raw,
        "in UTF-16": text.encode("utf-16-le"),
        "in hex": raw.hex().encode(),
        "in upper-case hex": raw.hex().upper().encode(),
        "in JSON": json.dumps(text, ensure_ascii=False)[1:-1].encode(),
        "in JSON of ASCII": json.dumps(text)[1:-1].encode(),
        "in a URL": quote(text).encode(),
        "as Python writes it": repr(text)[1:-1].encode(),
    }
    for shift in range(3):
        middle = _base64(raw, shift)
        found[f"in base64, shifted by {shift}"] = middle
        found[f"in base64url, shifted by {shift}"] = middle.translate(_URL_SAFE)
    return found


def _base64(raw: bytes, shift: int) -> bytes:
    """The characters that depend on `raw` alone, in the base64 of a larger text that has it `shift` bytes after a multiple of three."""
    whole = base64.b64encode(b"\0" * shift + raw)
    return whole[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]


def _pieces(text: str) -> list[str]:
    return [text] if len(text) <= _PIECE else [text[:_PIECE], text[-_PIECE:]]
