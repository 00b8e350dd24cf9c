"""A person of the demo or of a test, who does everything through the client's own API, on one thread."""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from scripts.local.say import Stop
from scripts.local.web import call
from sealpost.account import Account, Identity, Surroundings
from sealpost.delivery import Hooks
from sealpost.folders import ProfileFolder
from sealpost.receiving import Item
from sealpost.sending import Receipt

Result = TypeVar("Result")

PATIENCE = 30.0
"""Seconds until a mail or a message that did not come is given up."""


class Person:
    """An address, a profile of the client under `home`, and the thread that the profile belongs to."""

    def __init__(
        self, name: str, address: str, *, home: Path, surroundings: Surroundings | None = None
    ) -> None:
        self.name = name
        self.address = address
        self._folder = ProfileFolder(home, name)
        self._passphrase = secrets.token_urlsafe(16)
        self._around = surroundings or Surroundings()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._account: Account | None = None

    def sign_up(self, service: str) -> None:
        """Have a sign-in link mailed."""
        self._account = self._do(
            lambda: Account.sign_up(
                self.address,
                service=service,
                folder=self._folder,
                new_passphrase=lambda: self._passphrase,
                passphrase=lambda: self._passphrase,
                surroundings=self._around,
            )
        )

    def sign_in(self, link: str) -> Identity:
        """Follow the mailed link: a session, and this device's keys."""
        return self._do(lambda: self.account.sign_in(link))

    def send(self, to: str, text: str) -> Receipt:
        return self._do(lambda: self.account.send(to, text))

    def listen(self, *, timeout: float = 2 * PATIENCE) -> "Listening":
        """Listen until the first message; returns when the listener is ready for it."""
        listening = Listening()

        def first() -> Item | None:
            try:
                return next(
                    self.account.listen(timeout=timeout, hooks=Hooks(on_ready=listening.ready.set)), None
                )
            finally:
                listening.ready.set()

        listening.first = self._thread.submit(first)
        if not listening.ready.wait(PATIENCE):
            raise Stop(f"{self.name}'s listener was not ready after {PATIENCE:.0f} s.")
        if listening.first.done():
            listening.first.result()
        return listening

    def do(self, job: Callable[[Account], Result]) -> Result:
        """Use the account's API on the thread that it belongs to."""
        return self._do(lambda: job(self.account))

    def close(self) -> None:
        if self._account is not None:
            self._thread.submit(self._account.close)
        self._thread.shutdown(wait=True)

    @property
    def account(self) -> Account:
        if self._account is None:
            raise Stop(f"{self.name} has not signed up yet.")
        return self._account

    def _do(self, job: Callable[[], Result]) -> Result:
        return self._thread.submit(job).result()


@dataclass(slots=True)
class Listening:
    """A listener in its person's thread."""

    ready: threading.Event
    first: "Future[Item | None]"

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.first = Future()

    def message(self) -> Item:
        """The first message.

        Raises:
            Stop: none came in time.
        """
        try:
            item = self.first.result(PATIENCE)
        except TimeoutError:
            item = None
        if item is None:
            raise Stop(f"No message came within {PATIENCE:.0f} s.")
        return item


def mailed_link(mailbox: str, address: str, *, after: int = 0) -> str:
    """The link of the newest mail to an address, of those numbered above `after`.

    Raises:
        Stop: no such mail came in time.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        mails: list[dict[str, Any]] = call("GET", f"{mailbox}/messages.json?to={quote(address)}").json
        links: list[str] = [link for mail in mails if mail["number"] > after for link in mail["links"]]
        if links:
            return links[-1]
        time.sleep(0.02)
    raise Stop(f"No mail to {address} came within {PATIENCE:.0f} s.")
