"""A mailbox for everybody: an SMTP server on loopback that keeps each mail as a file, with a page that shows them.

    python -m scripts.local.mailbox SMTP_PORT PAGE_PORT FOLDER

`/` is the page, `/messages.json[?to=ADDRESS]` the list (oldest first), `/messages/NUMBER` one mail as it came.
"""

import email
import email.policy
import html
import json
import re
import sys
import threading
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

from scripts.local.ports import HOST

_LINK = re.compile(r"https?://[^\s<>\"]+")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "article,footer{border-top:1px solid #ccc;padding:1rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}"
)


class Mailbox:
    """The mails of a folder, numbered in the order of their arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._read: dict[int, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes) -> None:
        with self._lock:
            number = max(self._numbers(), default=0) + 1
            new = self._folder / f"{number}.new"
            new.write_bytes(content)
            new.chmod(0o600)
            new.rename(self._folder / f"{number}.eml")

    def raw(self, number: int) -> bytes | None:
        path = self._folder / f"{number}.eml"
        return path.read_bytes() if path.is_file() else None

    def mails(self, to: str | None = None) -> list[dict[str, Any]]:
        """Each as {"number", "from", "to", "subject", "date", "text", "links"}."""
        mails = [self._mail(number) for number in sorted(self._numbers())]
        return [mail for mail in mails if to is None or to.lower() in mail["to"].lower()]

    def _mail(self, number: int) -> dict[str, Any]:
        """Parsed once: a mail never changes, and whoever waits for one asks for all of them time and again."""
        if number not in self._read:
            self._read[number] = self._parsed(number)
        return self._read[number]

    def _parsed(self, number: int) -> dict[str, Any]:
        message = email.message_from_bytes(
            (self._folder / f"{number}.eml").read_bytes(), _class=EmailMessage, policy=email.policy.default
        )
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
        return {
            "number": number,
            "from": str(message["From"] or ""),
            "to": str(message["To"] or ""),
            "subject": str(message["Subject"] or ""),
            "date": str(message["Date"] or ""),
            "text": text,
            "links": _LINK.findall(text),
        }

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("*.eml")]


class Receiver:
    """What aiosmtpd calls for each mail."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self._mailbox.keep(envelope.original_content or envelope.content)
        return "250 kept"


class Page(BaseHTTPRequestHandler):
    mailbox: Mailbox

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        # A page from elsewhere must not read login links by pointing its own host name at this machine.
        if (self.headers.get("Host") or "").rpartition(":")[0] not in {HOST, "localhost"}:
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"")
        elif url.path == "/":
            self._answer(HTTPStatus.OK, "text/html", page(self.mailbox.mails()).encode())
        elif url.path == "/messages.json":
            to = parse_qs(url.query).get("to", [None])[0]
            self._answer(HTTPStatus.OK, "application/json", json.dumps(self.mailbox.mails(to)).encode())
        elif (match := re.fullmatch(r"/messages/(\d{1,9})", url.path)) and (
            raw := self.mailbox.raw(int(match[1]))
        ):
            self._answer(HTTPStatus.OK, "text/plain", raw)
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Requests name addresses: not logged."""

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)


def page(mails: list[dict[str, Any]]) -> str:
    """The mails as HTML, newest first, their links to be clicked."""
    articles = "".join(
        f"<article><b>{html.escape(mail['subject'])}</b><br>to {html.escape(mail['to'])}, {html.escape(mail['date'])} "
        f"(<a href='/messages/{mail['number']}'>source</a>)<pre>{_linked(mail['text'])}</pre></article>"
        for mail in reversed(mails)
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Mailbox</title>"
        f"<style>{_STYLE}</style><h1>Mailbox</h1><p>Every mail that this local run sent. Reload for new ones.</p>"
        f"{articles or '<p>None yet.</p>'}"
        "<footer><p>No mail? At most 3 an hour for an address and 20 for this machine; "
        "<code>./scripts/run --fresh</code> starts the count anew.</p></footer></html>"
    )


def _linked(text: str) -> str:
    pieces, end = [], 0
    for match in _LINK.finditer(text):
        address = html.escape(match[0])
        pieces += [
            html.escape(text[end : match.start()]),
            f'<a href="{address}" rel="noreferrer">{address}</a>',
        ]
        end = match.end()
    return "".join([*pieces, html.escape(text[end:])])


def main(smtp_port: int, page_port: int, folder: Path) -> None:
    mailbox = Mailbox(folder)
    Controller(Receiver(mailbox), hostname=HOST, port=smtp_port, ident="Sealpost's local mailbox").start()
    ThreadingHTTPServer((HOST, page_port), type("Page", (Page,), {"mailbox": mailbox})).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
