"""Who may read what, asked of the real emulator under the real rules. Nobody may write."""

import pytest

from tests.rules.rest import addressed_to, text, texts, time
from tests.rules.world import World

OK, NOT_FOUND, DENIED = 200, 404, 403
MESSAGE = "conversations/c-ab/messages/m-ab"
CONVERSATION = "conversations/c-ab"


class TestMessages:
    @pytest.mark.parametrize("who", ["ana", "ben"])
    async def test_a_member_reads_a_message(self, world: World, who: str) -> None:
        assert await world.user(who).get(MESSAGE) == OK

    @pytest.mark.parametrize(
        "who",
        [
            "cyd",
            "signed out",
            "garbled session",
            "without session",
            "ended session",
            "run-out session",
            "foreign session",
        ],
    )
    async def test_nobody_else_does(self, world: World, who: str) -> None:
        assert await world.user(who).get(MESSAGE) == DENIED

    async def test_the_listeners_query_finds_ones_own_messages_in_order(self, world: World) -> None:
        assert await world.user("ana").query(addressed_to("ana")) == (OK, ["m-ab", "m-ac"])
        assert await world.user("ben").query(addressed_to("ben")) == (OK, ["m-ab"])

    async def test_it_resumes_from_a_time(self, world: World) -> None:
        assert await world.user("ana").query(addressed_to("ana", since="2026-01-02T00:00:00Z")) == (
            OK,
            ["m-ac"],
        )

    @pytest.mark.parametrize(
        "who", ["signed out", "without session", "ended session", "run-out session", "foreign session"]
    )
    async def test_it_needs_a_live_session(self, world: World, who: str) -> None:
        assert await world.user(who).query(addressed_to("ana")) == (DENIED, [])

    @pytest.mark.parametrize("uid", ["ben", None])
    async def test_a_wider_or_foreign_query_is_refused(self, world: World, uid: str | None) -> None:
        assert await world.user("ana").query(addressed_to(uid)) == (DENIED, [])

    async def test_a_stranger_may_ask_for_ones_own_and_finds_nothing_of_others(self, world: World) -> None:
        assert await world.user("cyd").query(addressed_to("ana")) == (DENIED, [])
        assert await world.user("cyd").query(addressed_to("cyd")) == (OK, ["m-ac"])

    @pytest.mark.parametrize("limit", [None, 101, 1000])
    async def test_a_query_without_a_limit_or_over_100_is_refused(
        self, world: World, limit: int | None
    ) -> None:
        assert await world.user("ana").query(addressed_to("ana", limit=limit)) == (DENIED, [])

    async def test_within_one_conversation_the_same_holds(self, world: World) -> None:
        query = addressed_to("ana") | {"from": [{"collectionId": "messages"}]}
        assert await world.user("ana").query(query, "/conversations/c-ab") == (OK, ["m-ab"])
        assert await world.user("ben").query(query, "/conversations/c-ab") == (DENIED, [])

    async def test_the_collection_is_not_browsed(self, world: World) -> None:
        assert await world.user("ana").browse(f"{CONVERSATION}/messages", limit=10) == DENIED

    async def test_a_message_whose_members_no_longer_name_a_person_is_closed_to_them(
        self, world: World
    ) -> None:
        await world.owner.create(
            f"{CONVERSATION}/messages/m-later",
            {"members": texts("ben"), "sent_at": time("2026-02-01T00:00:00Z")},
        )
        assert await world.user("ana").get(f"{CONVERSATION}/messages/m-later") == DENIED
        assert await world.user("ana").get(MESSAGE) == OK


class TestConversations:
    async def test_a_member_reads_it(self, world: World) -> None:
        assert await world.user("ana").get(CONVERSATION) == OK

    @pytest.mark.parametrize(
        "who", ["cyd", "signed out", "without session", "ended session", "run-out session", "foreign session"]
    )
    async def test_nobody_else_does(self, world: World, who: str) -> None:
        assert await world.user(who).get(CONVERSATION) == DENIED

    async def test_one_may_list_ones_own_with_a_limit(self, world: World) -> None:
        def mine(limit: int | None) -> dict[str, object]:
            return {
                key: value for key, value in addressed_to("ana", limit=limit).items() if key != "orderBy"
            } | {"from": [{"collectionId": "conversations"}]}

        assert await world.user("ana").query(mine(100)) == (OK, ["c-ab", "c-ac"])
        assert await world.user("ana").query(mine(101)) == (DENIED, [])
        assert await world.user("ana").query(mine(None)) == (DENIED, [])
        assert await world.user("ben").query(mine(100)) == (DENIED, [])


class TestSessions:
    async def test_a_session_sees_its_own_document(self, world: World) -> None:
        assert await world.user("ana").get("accounts/ana/sessions/s-ana") == OK

    async def test_and_that_it_has_ended(self, world: World) -> None:
        assert await world.user("ended session").get("accounts/ana/sessions/s-ended") == NOT_FOUND

    async def test_not_that_of_another_session_or_person(self, world: World) -> None:
        assert await world.user("ana").get("accounts/ana/sessions/s-other") == DENIED
        assert await world.user("ana").get("accounts/ben/sessions/s-ben") == DENIED
        assert await world.user("signed out").get("accounts/ana/sessions/s-ana") == DENIED

    async def test_sessions_and_accounts_are_not_listed(self, world: World) -> None:
        assert await world.user("ana").browse("accounts/ana/sessions", limit=10) == DENIED
        assert await world.user("ana").browse("accounts", limit=10) == DENIED

    async def test_a_revoked_session_reads_nothing_while_others_go_on(self, world: World) -> None:
        assert await world.owner.status("DELETE", "accounts/ana/sessions/s-ana") == OK
        assert await world.user("ana").get(MESSAGE) == DENIED
        assert await world.user("ana").query(addressed_to("ana")) == (DENIED, [])
        assert await world.user("ana elsewhere").get(MESSAGE) == OK
        assert await world.user("ben").get(MESSAGE) == OK


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
        assert await world.owner.get(path) == OK

    async def test_nothing_unknown_is_read(self, world: World) -> None:
        await world.owner.create("elsewhere/x", {"members": texts("ana")})
        assert await world.user("ana").get("elsewhere/x") == DENIED
        assert await world.user("ana").browse("elsewhere", limit=1) == DENIED
