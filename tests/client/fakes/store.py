"""What the service in memory keeps."""

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from sealpost.mailbox import MessageDocument
from sealpost.service import Wall
from tests.client.fakes.listening import FakeListening
from tests.client.fakes.wire import Json, claims


@dataclass
class Store:
    """`calls` lists every request; `before` may answer in the service's place."""

    accounts: dict[str, Json] = field(default_factory=dict)
    conversations: dict[str, list[str]] = field(default_factory=dict)
    documents: list[MessageDocument] = field(default_factory=list)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    before: dict[str, Callable[[Json], httpx.Response | None]] = field(default_factory=dict)
    lose: dict[str, int] = field(default_factory=dict)
    """How many answers of a function get lost after the service has done its work."""
    lost: list[tuple[float, float]] = field(default_factory=list)
    """From when until when what was acknowledged may be lost, for each restore."""
    wall: Wall = field(default_factory=Wall)
    listeners: list[FakeListening] = field(default_factory=list)

    def add(self, document: MessageDocument) -> None:
        self.documents.append(document)
        for listener in self.listeners:
            listener.offer(document)

    def _caller(self, token: str) -> tuple[Json, str]:
        """The account and the device of an access token."""
        _, email, _, device = token.split(" ")
        return self.accounts[email], device

    def addressed_to(self, email: str, document: MessageDocument) -> bool:
        """Whether a document names the account among its members; one of no known conversation is everybody's."""
        statements = self.conversations.get(document.cid)
        uid = self.accounts[email]["uid"]
        return statements is None or any(uid == member for member, _ in claims(statements[0])["members"])
