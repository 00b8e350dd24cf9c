"""A small world of conversations and sessions in a project of its own, made anew for every test."""

import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from scripts.local.stack import Backing
from tests.rules.rest import Documents, text, texts, time
from tests.rules.world import RULES, World

EARLIER = "2026-01-01T00:00:00Z"
LATER = "2100-01-01T00:00:00Z"
OWNER = "owner"  # the emulator's word for a caller with full rights
NO_AUTHORITIES = ssl.SSLContext(
    ssl.PROTOCOL_TLS_CLIENT
)  # the emulator speaks no TLS; reading them takes 0.1 s a client

WORLD = {
    "conversations/c-ab": {"members": texts("ana", "ben"), "kind": text("direct")},
    "conversations/c-ac": {"members": texts("ana", "cyd"), "kind": text("direct")},
    "conversations/c-d": {"members": texts("dee"), "kind": text("self")},
    "conversations/c-d/messages/m-d": {"members": texts("dee"), "sent_at": time(EARLIER)},
    "conversations/c-ab/messages/m-ab": {"members": texts("ana", "ben"), "sent_at": time(EARLIER)},
    "conversations/c-ac/messages/m-ac": {
        "members": texts("ana", "cyd"),
        "sent_at": time("2026-01-03T00:00:00Z"),
    },
    "accounts/ana/sessions/s-ana": {"device": text("d"), "expires_at": time(LATER)},
    "accounts/ana/sessions/s-other": {"device": text("d"), "expires_at": time(LATER)},
    "accounts/ana/sessions/s-run-out": {"device": text("d"), "expires_at": time(EARLIER)},
    "accounts/ana/sessions/7": {"device": text("d"), "expires_at": time(LATER)},
    "accounts/ben/sessions/s-ben": {"device": text("d"), "expires_at": time(LATER)},
    "accounts/cyd/sessions/s-cyd": {"device": text("d"), "expires_at": time(LATER)},
    "accounts/dee/sessions/s-dee": {"device": text("d"), "expires_at": time(LATER)},
}


Publish = Callable[[str], Awaitable[World]]


@pytest.fixture
async def under(backing: Backing) -> AsyncIterator[Publish]:
    """Gives the world under the rules of a text, each time in a project of its own."""
    address = f"http://127.0.0.1:{backing.ports.firestore}"
    made: list[str] = []
    async with httpx.AsyncClient(base_url=address, timeout=30, verify=NO_AUTHORITIES) as http:

        async def publish(rules: str) -> World:
            project = f"demo-rules-{uuid.uuid4().hex[:8]}"
            world = World(Documents(http, project, OWNER), project)
            assert await world.publish(rules) == []
            made.append(project)
            await world.owner.put(WORLD)
            return world

        yield publish
        for project in made:
            await http.delete(f"/emulator/v1/projects/{project}/databases/(default)/documents")


@pytest.fixture
async def world(under: Publish) -> World:
    return await under(RULES)
