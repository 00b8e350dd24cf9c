"""Who may read what, asked of the real emulator under the real rules. Nobody may write."""

import pytest

from tests.rules.cases import CONVERSATION, DENIED, FOUND, MESSAGE, READS, Case
from tests.rules.rest import addressed_to, text, texts, time
from tests.rules.world import World


@pytest.mark.parametrize("case", READS, ids=str)
async def test_reading(world: World, case: Case) -> None:
    assert await case.holds(world.user(case.who))


async def test_a_message_whose_members_no_longer_name_a_person_is_closed_to_them(world: World) -> None:
    later = f"{CONVERSATION}/messages/m-later"
    await world.owner.create(later, {"members": texts("ben"), "sent_at": time("2026-02-01T00:00:00Z")})
    assert await world.user("ana").get(later) == DENIED
    assert await world.user("ana").get(MESSAGE) == FOUND


async def test_a_revoked_session_reads_nothing_while_others_go_on(world: World) -> None:
    assert await world.owner.status("DELETE", "accounts/ana/sessions/s-ana") == FOUND
    assert await world.user("ana").get(MESSAGE) == DENIED
    assert await world.user("ana").query(addressed_to("ana")) == (DENIED, [])
    assert await world.user("ana elsewhere").get(MESSAGE) == FOUND
    assert await world.user("ben").get(MESSAGE) == FOUND


WRITABLE_NOWHERE = [
    "conversations/c-new",
    "conversations/c-ab/messages/m-new",
    "conversations/c-ab/receipts/ana",
    "conversations/c-ab/anything/x",
    "accounts/ana",
    "accounts/ana/sessions/s-new",
    "accounts/ana/devices/d",
    "elsewhere/x",
]


class TestWrites:
    @pytest.mark.parametrize("path", WRITABLE_NOWHERE)
    async def test_nobody_creates_a_document(self, world: World, path: str) -> None:
        fields = {"members": texts("ana", "ben"), "sender_uid": text("ana")}
        for who in ("ana", "cyd", "signed out"):
            assert await world.user(who).create(path, fields) == DENIED

    @pytest.mark.parametrize("path", [MESSAGE, CONVERSATION, "accounts/ana/sessions/s-ana"])
    async def test_nobody_changes_or_deletes_one(self, world: World, path: str) -> None:
        for who in ("ana", "cyd", "signed out"):
            assert (
                await world.user(who).status("PATCH", path, {"fields": {"members": texts("ana", "cyd")}})
                == DENIED
            )
            assert await world.user(who).status("DELETE", path) == DENIED
        assert await world.owner.get(path) == FOUND
