"""The sealed state: what a raw reader finds, who may open it, what is left after deletion."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from sealpost.errors import Locked, SealpostError, UsageError
from sealpost.state import Kind, State, StateFile, StoredMessage
from sealpost.vault import Cost, Vault
from tests.client.fakes import CHEAP, PASSPHRASE, World

SECRET = "attack at dawn 8f2c"


def raw(folder: Path) -> bytes:
    """Every byte of every file, and of every name."""
    return b"".join(
        str(path).encode() + (path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")
    )


def message(text: str, mid: str = "m1", sent_at: int = 1) -> StoredMessage:
    return StoredMessage("c1", mid, sent_at, new=True, content={"kind": "received", "text": text})


def test_what_is_put_is_got_by_the_next_process(file: StateFile, state: State) -> None:
    state.put("profile", {"email": SECRET})
    state.put_message(message(SECRET))
    state.close()

    again = file.open(lambda: PASSPHRASE)

    assert again.get("profile") == {"email": SECRET}
    assert again.messages() == [message(SECRET)]


def test_no_value_is_readable_in_the_files(world: World) -> None:
    with world.person("ada") as ada, world.person("bob") as bob:
        ada.send("bob@example.org", SECRET)
        assert [getattr(item, "text", "") for item in bob.inbox()] == [SECRET]
        key = ada._device.key.to_json()
        tokens = ada._session.tokens()

    found = raw(world.home)

    for secret in (
        SECRET,
        "bob@example.org",
        "ada@example.org",
        key["d"],
        key["p"],
        tokens.refresh_token,
        PASSPHRASE,
    ):
        assert secret.encode() not in found
    assert b'"d"' not in found
    assert b"eyJ" not in found


def test_folders_are_0700_and_files_0600(world: World) -> None:
    umask = os.umask(0o022)
    try:
        with world.person("ada") as ada:
            ada.unlock(minutes=1)
    finally:
        os.umask(umask)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (world.home / "ada").rglob("*")}

    assert stat.S_IMODE((world.home / "ada").stat().st_mode) == 0o700
    assert modes == {"state.sqlite": 0o600, "state.lock": 0o600}
    half = world.folder("ada").key_file
    assert (stat.S_IMODE(half.stat().st_mode), stat.S_IMODE(half.parent.stat().st_mode)) == (0o600, 0o700)


def test_a_wrong_passphrase_opens_nothing(file: StateFile, state: State) -> None:
    with pytest.raises(Locked) as wrong:
        file.open(lambda: "not the passphrase")

    assert wrong.value.code == "wrong-passphrase"


def test_accents_typed_in_another_form_are_the_same_passphrase(file: StateFile) -> None:
    file.create("caf\u00e9 caf\u00e9", cost=CHEAP).close()

    file.open(lambda: "cafe\u0301 cafe\u0301").close()


def test_a_value_moved_to_another_row_is_refused(file: StateFile, state: State) -> None:
    state.put("contact", {"uid": "mallory"}, "mallory")
    state.put("contact", {"uid": "bob"}, "bob")
    with sqlite3.connect(file.path) as database:
        database.execute(
            "update documents set sealed = (select sealed from documents where id = 'mallory') where id = 'bob'"
        )

    with pytest.raises(SealpostError) as refused:
        state.get("contact", "bob")

    assert refused.value.code == "damaged-state"


def test_a_deleted_key_is_not_in_the_file_any_more(file: StateFile, state: State) -> None:
    state.put("encryption-key", {"jwk": SECRET}, "kid")
    with sqlite3.connect(file.path) as database:
        (sealed,) = database.execute("select sealed from documents where id = 'kid'").fetchone()
    assert sealed in raw(file.path.parent)

    state.put("encryption-key", {"jwk": None}, "kid")

    assert sealed not in raw(file.path.parent)
    assert sealed[-16:] not in raw(file.path.parent)


def test_a_failed_transaction_leaves_nothing(state: State) -> None:
    def fail() -> None:
        with state.transaction():
            state.put("profile", {"a": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert state.get("profile") is None


def test_messages_come_in_the_order_of_the_service(state: State) -> None:
    state.put_message(message("late", "m1", sent_at=20))
    state.put_message(message("early", "m3", sent_at=10))
    state.put_message(message("late too", "m2", sent_at=20))

    assert [stored.mid for stored in state.messages()] == ["m3", "m1", "m2"]
    assert state.newest_times(2) == [20, 20]


def test_a_state_is_made_once(file: StateFile, state: State) -> None:
    with pytest.raises(UsageError):
        file.create(PASSPHRASE, cost=CHEAP)


def test_a_kill_while_a_profile_is_made_leaves_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_self: Path, _target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            world.person("ada")
    assert not world.folder("ada").state.exists()
    assert world.service.called("sign_up") == []

    with world.person("ada") as ada:
        assert ada.whoami().signed_in

    assert sorted(path.name for path in (world.home / "ada").iterdir()) == ["state.lock", "state.sqlite"]


def test_an_empty_file_is_no_state(world: World) -> None:
    path = world.folder("ada").state.path
    path.parent.mkdir(parents=True)
    path.touch()

    with world.person("ada") as ada:
        assert ada.whoami().signed_in


def test_a_journal_of_a_file_that_was_moved_away_is_not_played_back(file: StateFile, state: State) -> None:
    journal = file.path.with_name("state.sqlite-journal")
    with state.transaction():
        state.put("profile", {"email": SECRET * 1000})
        left_by_a_kill = journal.read_bytes()
    state.close()
    file.path.rename(file.path.with_name("away"))
    journal.write_bytes(left_by_a_kill)

    file.create(PASSPHRASE, cost=CHEAP, documents={Kind.PROFILE: {"email": "new"}}).close()

    assert file.open(lambda: PASSPHRASE).get("profile") == {"email": "new"}


def test_a_file_that_is_no_state_is_named(file: StateFile) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(b"not a database, not at all, but long enough to be looked at as one " * 20)

    with pytest.raises(SealpostError, match="is not a Sealpost state"):
        file.open(lambda: PASSPHRASE)


def test_a_state_that_cannot_be_used_is_named(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    state._database.execute("pragma query_only = on")

    with pytest.raises(SealpostError) as refused:
        state.put("profile", {})

    assert refused.value.code == "unusable-state"


def test_a_newer_state_asks_for_an_update(file: StateFile, state: State) -> None:
    with sqlite3.connect(file.path) as database:
        database.execute("update meta set value = '2' where name = 'version'")

    with pytest.raises(SealpostError) as newer:
        file.open(lambda: PASSPHRASE)

    assert newer.value.code == "update-needed"


@pytest.mark.parametrize(
    ("name", "value"),
    [("cost", b"{"), ("cost", b"[8, 1]"), ("version", b"one"), ("version", None), ("key", None)],
)
def test_a_state_without_its_beginning_is_damaged(
    file: StateFile, state: State, name: str, value: bytes | None
) -> None:
    with sqlite3.connect(file.path) as database:
        database.execute("delete from meta where name = ?", (name,))
        if value is not None:
            database.execute("insert into meta values (?, ?)", (name, value))

    with pytest.raises(SealpostError) as refused:
        file.open(lambda: PASSPHRASE)

    assert refused.value.code == "damaged-state"


def test_a_database_of_something_else_is_damaged(file: StateFile) -> None:
    file.path.parent.mkdir()
    with sqlite3.connect(file.path) as database:
        database.execute("create table other (a)")

    with pytest.raises(SealpostError) as refused:
        file.open(lambda: PASSPHRASE)

    assert refused.value.code == "damaged-state"


@pytest.mark.parametrize("occupied", ["profile", "profile/state.lock/x"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, file: StateFile, occupied: str) -> None:
    """As a read-only disk, which a test that runs as root cannot make."""
    (tmp_path / occupied).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / occupied).write_text("in the way")

    with pytest.raises(SealpostError) as refused:
        file.create(PASSPHRASE, cost=CHEAP)

    assert refused.value.code == "unusable-state"


def test_a_profile_that_cannot_be_looked_for_is_not_taken_for_none(tmp_path: Path, file: StateFile) -> None:
    (tmp_path / "profile").write_text("in the way")

    with pytest.raises(SealpostError) as refused:
        file.exists()

    assert refused.value.code == "unusable-state"


def test_a_folder_in_place_of_the_state_is_named(file: StateFile) -> None:
    file.path.mkdir(parents=True)

    with pytest.raises(SealpostError) as refused:
        file.open(lambda: PASSPHRASE)

    assert refused.value.code == "unusable-state"


def test_two_processes_take_turns(file: StateFile, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealpost.database._TURN_SECONDS", 0.01)
    other = file.open(lambda: PASSPHRASE)

    with state.alone(), state.alone(), pytest.raises(Locked) as busy:
        other.alone().__enter__()

    assert busy.value.code == "busy"
    with other.alone():
        pass


def test_sealing_binds_the_place() -> None:
    vault = Vault.create()
    sealed = vault.seal(b"value", place="a/1")

    assert vault.open(sealed, place="a/1") == b"value"
    assert vault.seal(b"value", place="a/1") != sealed
    with pytest.raises(SealpostError):
        vault.open(sealed, place="a/2")
    with pytest.raises(SealpostError):
        vault.open(sealed[:20], place="a/1")


@pytest.mark.parametrize("cost", [(7, 1, 1), (262145, 1, 1), (8, 0, 1), (8, 11, 1), (8, 1, 5)])
def test_an_impossible_cost_is_refused(cost: tuple[int, int, int]) -> None:
    with pytest.raises(SealpostError):
        Cost(*cost)
