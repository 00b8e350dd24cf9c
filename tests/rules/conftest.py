"""A small world of two conversations and four sessions in a project of its own, made anew for every test."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest

from scripts.local.stack import Backing
from tests.rules.rest import Documents, text, texts, time
from tests.rules.world import ROOT, World

LATER = "2100-01-01T00:00:00Z"
OWNER = "owner"  # the emulator's word for a caller with full rights


@pytest.fixture
async def world(backing: Backing) -> AsyncIterator[World]:
    project = f"demo-rules-{uuid.uuid4().hex[:8]}"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{backing.ports.firestore}", timeout=30) as http:
        owner = Documents(http, project, OWNER)
        world = World(owner, project)
        assert await world.publish((ROOT / "firestore.rules").read_text()) == []
        for cid, mid, members, sent in (
            ("c-ab", "m-ab", ("ana", "ben"), "2026-01-01T00:00:00Z"),
            ("c-ac", "m-ac", ("ana", "cyd"), "2026-01-03T00:00:00Z"),
        ):
            await owner.create(f"conversations/{cid}", {"members": texts(*members), "kind": text("direct")})
            await owner.create(
                f"conversations/{cid}/messages/{mid}",
                {
                    "members": texts(*members),
                    "sender_uid": text(members[0]),
                    "sent_at": time(sent),
                    "envelope": text("{}"),
                },
            )
        for uid, sid, expires_at in (
            ("ana", "s-ana", LATER),
            ("ana", "s-other", LATER),
            ("ana", "s-run-out", "2026-01-01T00:00:00Z"),
            ("ben", "s-ben", LATER),
            ("cyd", "s-cyd", LATER),
        ):
            await owner.create(
                f"accounts/{uid}/sessions/{sid}", {"device": text("d"), "expires_at": time(expires_at)}
            )
        yield world
        await http.delete(f"/emulator/v1/projects/{project}/databases/(default)/documents")
