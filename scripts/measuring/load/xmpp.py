"""Load over XMPP: `python -m scripts.measuring.load.xmpp PLAN`.

Each client sends to a receiver of its own and waits for the server's acknowledgement (XEP-0198) before the next message. A
stanza is as long as one of ours, in OMEMO's shape. The times until the receiver has it are figures too: `receive_p50_ms`.
"""

import asyncio
import base64
import re
import secrets
import sys
import time
from contextlib import suppress

import uvloop

from scripts.local.ports import HOST
from scripts.measuring.load.plan import Plan
from scripts.measuring.load.timing import Timing, spread

DOMAIN = "bench.local"
PASSWORD = "password"  # noqa: S105 - of a server that lives for minutes
USERS = 80

_PAYLOAD = base64.b64encode(secrets.token_bytes(1_250)).decode()
_KEY = base64.b64encode(secrets.token_bytes(150)).decode()
_ENCRYPTED = (
    "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='27183'>"
    f"<key rid='31415'>{_KEY}</key><key rid='12321'>{_KEY}</key><iv>AAAAAAAAAAAAAAAA</iv></header>"
    f"<payload>{_PAYLOAD}</payload></encrypted><store xmlns='urn:xmpp:hints'/>"
)
_STREAM = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    f"to='{DOMAIN}' version='1.0'>"
)
_ID = re.compile(r"id=['\"](m\d+-\d+)['\"]")
_ACKNOWLEDGED = 20


def user(number: int) -> str:
    return f"u{number}"


class _Session:
    """A signed-in user with stream management."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._text = ""
        self.handled = 0

    @classmethod
    async def open(cls, port: int, name: str) -> "_Session":
        session = cls(*await asyncio.open_connection(HOST, port))
        session.write(_STREAM)
        await session.until("</stream:features>")
        credentials = base64.b64encode(f"\0{name}\0{PASSWORD}".encode()).decode()
        session.write(
            f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{credentials}</auth>"
        )
        await session.until("<success")
        session._text = ""
        session.write(_STREAM)
        await session.until("</stream:features>")
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind>"
        session.write(f"<iq type='set' id='b'>{bind}</iq>")
        await session.until("</iq>")
        session.write("<enable xmlns='urn:xmpp:sm:3'/>")
        await session.until("<enabled")
        session.write("<presence/>")
        return session

    def write(self, text: str) -> None:
        self._writer.write(text.encode())

    async def until(self, tag: str) -> str:
        while tag not in self._text:
            data = await self._reader.read(65_536)
            if not data:
                raise EOFError(self._text)
            self._text += data.decode()
        end = self._text.index(tag) + len(tag)
        found, self._text = self._text[:end], self._text[end:]
        return found

    def acknowledge(self) -> None:
        self.write(f"<a xmlns='urn:xmpp:sm:3' h='{self.handled}'/>")

    async def close(self) -> None:
        self.acknowledge()
        self.write("</stream:stream>")
        with suppress(OSError):
            await self._writer.drain()
        self._writer.close()


async def run(plan: Plan) -> None:
    timing, over = Timing(), asyncio.Event()
    begun: dict[str, int] = {}
    received: list[int] = []

    async def receive(session: _Session) -> None:
        while True:
            text = await session.until("</message>")
            now = time.perf_counter_ns()
            if timing.running:
                received.extend(now - begun.pop(stanza) for stanza in _ID.findall(text) if stanza in begun)
            session.handled += 1
            if session.handled % _ACKNOWLEDGED == 0 or "<r" in text:
                session.acknowledge()

    async def send(number: int, session: _Session) -> None:
        count = 0
        while not over.is_set():
            stanza = f"m{number}-{count}"
            count += 1
            to = f"{user(2 * number + 1)}@{DOMAIN}"
            began = begun[stanza] = time.perf_counter_ns()
            session.write(
                f"<message to='{to}' type='chat' id='{stanza}'>{_ENCRYPTED}</message><r xmlns='urn:xmpp:sm:3'/>"
            )
            await session.until("<a ")
            timing.note(time.perf_counter_ns() - began)

    senders = [await _Session.open(plan.port, user(2 * number)) for number in range(plan.clients)]
    receivers = [await _Session.open(plan.port, user(2 * number + 1)) for number in range(plan.clients)]
    await asyncio.sleep(0.2)
    tasks = [asyncio.ensure_future(receive(one)) for one in receivers]
    sending = [asyncio.ensure_future(send(number, one)) for number, one in enumerate(senders)]
    await timing.take(plan)
    over.set()
    await asyncio.wait(sending, timeout=10)
    for task in tasks:
        task.cancel()
    for session in (*senders, *receivers):
        await session.close()
    await asyncio.sleep(0.1)
    timing.tell(**spread(received, "receive"))


if __name__ == "__main__":
    uvloop.run(run(Plan.read(sys.argv[1])))
