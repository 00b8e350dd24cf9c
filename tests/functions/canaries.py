"""Strings that nobody else writes, and the places where they must not turn up."""

import json
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from tests.functions.arena import Arena
from tests.functions.exchange import Answer, Ask
from tests.signing import b64

_B64URL = bytes.maketrans(b"+/", b"-_")


def spellings(text: str) -> set[str]:
    """The ways in which a text can lie in another one without being hidden."""
    raw = text.encode()
    found = {
        text,
        text.upper(),
        text.capitalize(),
        raw.hex(),
        b64(raw),
        "".join(f"\\u{ord(char):04x}" for char in text),
    }
    for shift in range(3):  # base64 of a part of a larger text depends on where it begins
        middle = b64encode(b"\0" * shift + raw)[4:-4]
        found |= {middle.decode(), middle.translate(_B64URL).decode()}
    return found


@dataclass
class Canaries:
    """New strings, each remembered by the place it was put."""

    released: dict[str, str] = field(default_factory=dict)

    def new(self, where: str, length: int = 18) -> str:
        """A string of lower-case letters and digits, which begins with a letter."""
        made = "c" + secrets.token_hex(length)[: length - 1]
        self.released[made] = where
        return made

    def address(self, where: str) -> str:
        return f"{self.new(where)}@example.com"

    def noted(self, text: str, where: str) -> str:
        """A secret that the service made, or a test."""
        self.released[text] = where
        return text

    def in_headers(self, ask: Ask) -> Ask:
        """The call with a canary in every header that it does not need, in the name of one, and in its query."""
        names = (
            *("User-Agent", "Cookie", "Referer", "Origin", "Accept", "Accept-Language", "From", "Forwarded"),
            *("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "X-Request-Id", "X-Canary", "Traceparent"),
            *("Tracestate", "Baggage", "X-Cloud-Trace-Context", "Function-Execution-Id", "If-None-Match"),
            *("Idempotency-Key", "X-HTTP-Method-Override", "Range", "Authorization", "Content-Type", "Host"),
            *("CE-Id2", "X-Goog-Authenticated-User-Email"),
        )
        kept = {name.lower() for name in ask.headers}
        headers = {name: self.new(f"header {name}") for name in names if name.lower() not in kept}
        headers[f"X-{self.new('name of a header')}"] = "x"
        query = f"?{self.new('name in the query')}={self.new('query')}"
        return Ask(ask.method, ask.path + query, {**headers, **ask.headers}, ask.body)

    def sought_in(self, text: str, place: str) -> None:
        """Nothing that was released is in `text`."""
        found = [
            f"{where} ({text[max(0, text.index(form) - 60) :][:140]})"
            for canary, where in self.released.items()
            for form in spellings(canary)
            if form in text
        ]
        assert not found, f"in {place}: {found}"

    def sought_in_answer(self, answer: Answer) -> None:
        self.sought_in(repr(dict(answer.headers)), "the answer's head")
        self.sought_in(answer.body.decode("utf-8", "replace"), "the answer")

    def sought_everywhere(self, arena: Arena, begun: int = 0) -> None:
        """In the log after its first `begun` bytes, in every row of every table, and in every document's every field but `envelope`."""
        self.sought_in(arena.child.log.read_bytes()[begun:].decode(), "the log")
        for table, rows in arena.rows().items():
            self.sought_in("\n".join(rows), f"the table {table}")
        self.sought_in("\n".join(without_envelope(document) for document in arena.documents()), "a document")


def without_envelope(document: str) -> str:
    content: dict[str, Any] = json.loads(document)
    content.get("fields", {}).pop("envelope", None)
    return json.dumps(content)
