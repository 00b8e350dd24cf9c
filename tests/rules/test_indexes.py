"""firestore.indexes.json against the queries that clients and functions make, as the emulator saw them."""

import json
from pathlib import Path
from typing import Any

from tests.rules.rest import addressed_to
from tests.rules.world import ROOT, RULES, World

INDEXES: dict[str, Any] = json.loads((ROOT / "firestore.indexes.json").read_text())


async def test_the_composite_indexes_are_those_that_the_listener_uses(world: World) -> None:
    await world.user("ana").query(addressed_to("ana"))
    await world.user("ana").query(addressed_to("ana", since="2026-01-01T00:00:00Z"))

    answer = await world.owner.http.get(
        f"/emulator/v1/projects/{world.project}:indexUsage",
        params={"database": f"projects/{world.project}/databases/(default)"},
    )
    used = {
        (
            report["index"]["queryScope"],
            tuple((field["fieldPath"], field.get("arrayConfig") or field["order"]) for field in fields),
        )
        for report in answer.json()["reports"]
        if len(fields := [field for field in report["index"]["fields"] if field["fieldPath"] != "__name__"])
        > 1
    }
    declared = {
        (
            index["queryScope"],
            tuple(
                (field["fieldPath"], field.get("arrayConfig") or field["order"]) for field in index["fields"]
            ),
        )
        for index in INDEXES["indexes"]
    }
    assert used == declared


def test_a_field_that_rises_with_time_or_is_large_is_in_no_single_field_index() -> None:
    exempt = {
        (override["collectionGroup"], override["fieldPath"])
        for override in INDEXES["fieldOverrides"]
        if override["indexes"] == []
    }
    rising = {
        ("messages", "sent_at"),
        ("messages", "expires_at"),
        ("sessions", "expires_at"),
        ("conversations", "last_message_at"),
    }
    assert rising | {("messages", "envelope")} <= exempt


def test_messages_and_sessions_expire_by_ttl() -> None:
    lived = {(o["collectionGroup"], o["fieldPath"]) for o in INDEXES["fieldOverrides"] if o.get("ttl")}
    assert lived == {("messages", "expires_at"), ("sessions", "expires_at")}


async def test_the_rules_go_live_without_an_issue(world: World) -> None:
    assert await world.publish(RULES) == []


async def test_an_issue_is_seen(world: World) -> None:
    """The emulator answers 200 and takes such rules: only `issues` tells."""
    assert await world.publish(RULES.replace("inLiveSession() && isMember()", "nowhere() && isMember()"))
    assert await world.publish(RULES) == []


def test_the_files_are_the_ones_that_firebase_json_names() -> None:
    config = json.loads((Path(ROOT) / "firebase.json").read_text())
    assert config["firestore"]["rules"] == "firestore.rules"
    assert config["firestore"]["indexes"] == "firestore.indexes.json"
