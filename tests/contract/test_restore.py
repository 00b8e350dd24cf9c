"""A backup of real databases, restored into others; stopped anywhere, it goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.backups import Manifest
from common.storage.firestore.matching import conversation_fields
from common.storage.firestore.restored import Documents
from common.storage.postgres import load as loading
from common.storage.postgres.reopen import Ended
from common.storage.restore import main
from scripts.local.say import Progress, Stop
from scripts.local.serving import Serving
from scripts.local.stack import Backing
from scripts.restoring.documents import copy
from scripts.restoring.restore import Place, Restore, admit, stage_of
from tests.contract.restoring import (
    ADA,
    BOB,
    CYD,
    LATE,
    LONELY,
    MESSAGES,
    TALK,
    World,
    backed_up,
    emptied,
    message,
    of,
)


@pytest.fixture(scope="module")
def backup(backing: Backing) -> Iterator[tuple[Place, str]]:
    with backed_up(backing) as made:
        yield made


@pytest.fixture
def world(backup: tuple[Place, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("common.storage.firestore.restored._PAGE", 300)
    with emptied(*backup) as made:
        yield made


def test_all_of_it_comes_back_and_sessions_documents_do_not(world: World) -> None:
    assert world.restore() == world.pair
    world.require_whole()
    living = of(world.place, "(default)")
    for collection in ("conversations", "messages"):
        before = {living.path(each): each.fields for each in living.page(collection, None, 1000)}
        after = {
            world.documents.path(each): each.fields for each in world.documents.page(collection, None, 1000)
        }
        after.pop(f"conversations/{LATE}", None)
        assert before == after
    assert world.documents.count("sessions") == 0
    assert world.kept == [world.pair]


def test_a_conversation_that_was_made_between_the_two_halves_gets_its_document(world: World) -> None:
    world.restore()
    found = {world.documents.path(each): each for each in world.documents.page("conversations", None)}
    fields = found[f"conversations/{LATE}"].fields
    assert [value.string_value for value in fields["members"].array_value.values] == [ADA, CYD]
    assert (fields["kind"].string_value, fields["last_message_at"].integer_value) == ("direct", 0)


def test_clients_have_to_make_good_what_the_backup_may_lack(world: World) -> None:
    world.restore()
    assert world.ask("select bool_and(restored) from devices") == [[True]]
    assert world.ask("select bool_and(restored) from sessions") == [[True]]
    assert world.ask(
        "select backup, restored_at > point, point > now() - interval '5 minutes' from restores"
    ) == [[world.name, True, True]]


def test_what_was_erased_and_revoked_since_does_not_come_back(world: World) -> None:
    world.note(f"accounts/{CYD}", f"sessions/{'a' * 22}", "accounts/never-there")
    world.restore()
    assert world.ask("select uid from accounts order by uid") == [[ADA], [BOB]]
    assert world.ask("select uid from sessions where revoked_at is null") == [[BOB]]
    assert world.ask("select cid from conversations order by cid") == [[LATE], [TALK]]
    paths = [world.documents.path(each) for each in world.documents.page("messages", None, 1000)]
    assert not any(LONELY in path for path in paths)
    assert len(paths) == MESSAGES - 1


def test_the_list_is_of_names_and_of_what_stands_below_them() -> None:
    names = [
        f"devices/{'d' * 43}/1f",
        f"sessions/{'a' * 22}",
        f"sessions/{'b' * 22}/2e",
        "other/x",
        "accounts",
    ]
    ended = Ended.of(names)
    assert (set(ended.devices), ended.accounts) == ({"d" * 43}, frozenset())
    assert ended.sessions == {"a" * 22, "b" * 22}


def test_a_wish_of_an_older_time_is_not_due(world: World) -> None:
    """It may have been vetoed since, and a veto stands in no list."""
    world.restore()
    assert world.ask("select count(*) from reset_requests") == [[0]]


def test_a_pair_that_people_were_let_in_to_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Serving, "keep", lambda *_: None)  # other tests have this folder
    world.restore()
    admit(world.place, world.name)
    with pytest.raises(Stop, match="let in to people"):
        world.restore()


def test_a_list_that_has_grown_is_replayed_and_nobody_is_asked_twice(world: World) -> None:
    world.restore()
    ((first,),) = world.ask("select extract(epoch from restored_at)::float8 from restores")
    world.ask("update devices set restored = false; select 1")
    world.note(f"sessions/{'b' * 22}", f"devices/{'d' * 43}", "devices/.draft")
    world.restore()
    assert world.ask("select device from removed_devices") == [["d" * 43]]
    assert world.ask("select count(*) from restores") == [[1]]
    assert world.ask(
        "select restored_at > :moment from restores".replace(":moment", f"to_timestamp({first})")
    ) == [[True]]
    assert world.ask("select bool_or(restored) from devices") == [[False]]
    assert world.ask("select uid from sessions where revoked_at is not null") == [[BOB]]


def test_it_is_stopped_among_the_documents_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Documents.write
    written: list[int] = []

    def failing(self: Documents, pairs: Any) -> None:
        if len(written) == 2:
            raise Stop("The power went out.")
        written.append(len(pairs))
        real(self, pairs)

    def counting(self: Documents, pairs: Any) -> None:
        written.append(len(pairs))
        real(self, pairs)

    monkeypatch.setattr(Documents, "write", failing)
    with pytest.raises(Stop, match="power"):
        world.restore()
    assert 0 < world.documents.total() < MESSAGES
    assert stage_of(world.place, world.name) != "ready"
    before = world.documents.total()
    monkeypatch.setattr(Documents, "write", counting)
    world.restore()
    assert sum(written[2:]) == MESSAGES + 2 - before + 1  # and the document of the late conversation
    world.require_whole()


def test_postgres_dies_among_the_rows_and_it_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(told: str) -> None:
        if told.startswith("devices"):
            connection = world.place.backing.postgres.connect()
            connection.run(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name",
                name=world.pair.relations,
            )
            connection.close()

    real = loading.load
    with monkeypatch.context() as patch:
        patch.setattr(
            "scripts.restoring.restore.load", lambda *words, **named: real(*words, **named | {"tell": die})
        )
        with pytest.raises(Stop, match="PostgreSQL was lost"):
            world.restore()
    assert stage_of(world.place, world.name) != "ready"
    world.restore()
    world.require_whole()


def test_an_emulator_that_was_stopped_before_it_was_kept_is_filled_again(world: World) -> None:
    def lose(_: Serving) -> None:
        raise Stop("The power went out.")

    with pytest.raises(Stop, match="power"):
        Restore(world.place, world.name, Progress(), lose).run()
    world.place.backing.firestore.clear(world.place.project, world.pair.documents)
    world.restore()
    world.require_whole()


def test_living_relations_are_never_touched(world: World) -> None:
    world.place.backing.postgres.create(world.pair.relations)
    world.ask("create table theirs (n integer); insert into theirs values (1); select 1")
    with pytest.raises(Stop, match="is there already, and not from a restore of this backup"):
        world.restore()
    assert world.ask("select n from theirs") == [[1]]
    assert world.documents.total() == 0


def test_living_documents_are_never_touched(world: World) -> None:
    world.documents.write([("conversations/theirs", conversation_fields("self", [ADA]))])
    with pytest.raises(Stop, match="is there already, without its relations"):
        world.restore()
    assert world.documents.total() == 1
    assert not world.place.backing.postgres.exists(world.pair.relations)


def test_open_documents_are_not_ready(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "firestore.rules"
    for allowed in (
        "match /{document=**} { allow read; }",
        "match /conversations/{c} { allow list: if request.auth != null; }",
        "match /{path=**}/messages/{m} { allow list: if true; }",
    ):
        rules.write_text(
            "rules_version = '2'; service cloud.firestore { match /databases/{d}/documents {"
            f" {allowed} }} }}"
        )
        monkeypatch.setattr("scripts.restoring.restore.rules", lambda _: rules)
        with pytest.raises(Stop, match="The restored documents are open"):
            world.restore()
        assert stage_of(world.place, world.name) != "ready"
    monkeypatch.undo()
    world.restore()
    world.require_whole()


def test_a_message_of_an_unknown_conversation_stops_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(*words: Any) -> None:
        copy(*words)
        world.documents.delete([f"conversations/{TALK}/messages/m{n}" for n in range(MESSAGES - 1)])
        world.documents.write(
            [(f"conversations/{'X' * 43}/messages/m{n}", message(ADA, BOB)) for n in range(MESSAGES - 1)]
        )

    monkeypatch.setattr("scripts.restoring.restore.copy", lossy)
    with pytest.raises(Stop, match="a conversation that the relations do not have"):
        world.restore()
    assert stage_of(world.place, world.name) != "ready"


def test_an_export_with_fewer_documents_than_counted_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Manifest.read

    def other(*words: Any, **named: Any) -> Manifest:
        found = real(*words, **named)
        object.__setattr__(found, "documents", found.documents + 1)
        return found

    monkeypatch.setattr(Manifest, "read", other)
    with pytest.raises(Stop, match="does not hold the documents that its manifest counts"):
        world.restore()
    assert world.documents.total() == 0


def test_the_job_makes_the_relations_beside_the_documents_and_replays_the_list(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(of(world.place, "(default)"), world.documents, lambda _: None)
    words = [world.name, world.pair.relations, world.pair.documents]
    assert main(words, world.environment) == 0
    told = capsys.readouterr().out
    assert "accounts 3" in told
    assert "random messages" in told
    world.require_whole()
    world.note(f"accounts/{CYD}", f"devices/{'d' * 43}")
    assert main(words, world.environment) == 0
    assert "1 accounts erased again" in capsys.readouterr().out
    assert world.ask("select uid, restored from devices order by uid") == [[ADA, True], [BOB, True]]
    assert world.ask("select count(*) from removed_devices") == [[1]]
    assert world.documents.total() == MESSAGES - 1 + 2


def test_a_clone_of_an_earlier_moment_is_ended_as_a_restore_is(world: World) -> None:
    world.restore()
    world.ask("update devices set restored = false; delete from restores; select 1")
    world.note(f"accounts/{CYD}")
    clone = {"POSTGRES_DSN": world.place.backing.postgres.dsn(world.pair.relations)}
    assert main(["2026-11-22T03:00:00Z"], world.environment | clone) == 0
    assert world.ask("select uid, restored from devices order by uid") == [[ADA, True], [BOB, True]]
    assert world.ask("select backup, extract(epoch from point)::int from restores") == [
        ["clone of 2026-11-22T03:00:00Z", 1_795_316_400]
    ]


def test_the_job_leaves_what_is_served(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    served = world.environment | {"POSTGRES_DATABASE": world.pair.relations}
    assert main([world.name, world.pair.relations, world.pair.documents], served) == 1
    assert "is served, and people write to it" in capsys.readouterr().err
    assert not world.place.backing.postgres.exists(world.pair.relations)


@pytest.mark.parametrize(
    ("words", "environment", "status", "sentence"),
    [
        ([], {}, 2, "usage: restore NAME DATABASE DOCUMENTS"),
        (["yesterday"], {}, 1, "such as 2026-11-22T03:00:00Z"),
        (["2026-11-22T03:00:00Z"], {"POSTGRES_INSTANCE": "p:r:sealpost"}, 1, "sealpost is no clone"),
        (["2026-11-22", "new", "restored"], {}, 1, "restore: Set GOOGLE_CLOUD_PROJECT and BACKUP_BUCKET"),
        (
            ["2026-11-22", "new", "restored"],
            {"BACKUP_FOLDER": "/nowhere", "REVOCATIONS_FOLDER": "/nowhere"},
            1,
            "no backup",
        ),
    ],
)
def test_a_job_that_cannot_be_says_so(
    words: list[str],
    environment: dict[str, str],
    status: int,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words, environment) == status
    assert sentence in capsys.readouterr().err
