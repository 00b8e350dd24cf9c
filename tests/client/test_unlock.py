"""An unlocked profile opens without its passphrase, for a while, by two halves together."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from sealpost.errors import Locked, SealpostError
from sealpost.folders import ProfileFolder
from sealpost.state import State, StateFile
from tests.client import raw
from tests.client.fakes import PASSPHRASE


@pytest.fixture
def half(state: State, tmp_path: Path) -> Path:
    (tmp_path / "runtime").mkdir(mode=0o700)
    state.unlock(until=time.time() + 60)
    return tmp_path / "runtime" / "half"


@pytest.mark.usefixtures("half")
def test_it_opens_without_asking(file: StateFile) -> None:
    file.open(_must_not_ask).close()


@pytest.mark.parametrize("left", [0, 1, 11, 42])
def test_a_half_that_is_cut_short_opens_nothing_and_is_replaced(
    file: StateFile, state: State, half: Path, left: int
) -> None:
    half.write_bytes(half.read_bytes()[:left])
    with pytest.raises(Locked):
        file.open(lambda: "wrong")

    state.unlock(until=time.time() + 60)

    file.open(_must_not_ask).close()


def test_a_folder_in_place_of_the_half_is_left_alone(state: State, half: Path) -> None:
    half.unlink()
    half.parent.rmdir()
    half.parent.write_text("precious")

    with pytest.raises(SealpostError) as refused:
        state.unlock(until=time.time() + 60)

    assert refused.value.code == "foreign-key-file"
    assert half.parent.read_text() == "precious"


def test_locking_where_no_profile_is_forgets_the_half_alone(
    file: StateFile, state: State, half: Path
) -> None:
    state.close()
    file.path.unlink()

    file.lock()

    assert not half.exists()
    assert not file.path.exists()


def test_it_ends(file: StateFile, state: State, half: Path) -> None:
    state.unlock(until=time.time() - 1)

    file.open(lambda: PASSPHRASE).close()

    assert not half.exists()


def test_a_later_end_written_into_the_file_does_not_lengthen_it(
    file: StateFile, state: State, half: Path
) -> None:
    state.unlock(until=time.time() - 1)
    _, _, key = half.read_bytes().partition(b"\n")
    half.write_bytes(f"{int(time.time()) + 9999}\n".encode() + key)

    with pytest.raises(Locked):
        file.open(lambda: "wrong")


def test_locking_forgets_both_halves(file: StateFile, half: Path) -> None:
    kept = half.read_bytes()

    file.lock()

    assert not half.exists()
    half.write_bytes(kept)
    half.chmod(0o600)
    with pytest.raises(Locked):
        file.open(lambda: "wrong")


def test_where_the_half_is_out_of_sight_it_stays(file: StateFile, half: Path) -> None:
    elsewhere = StateFile(file.path, key_file=half.parent / "other")
    with pytest.raises(Locked):
        elsewhere.open(lambda: "wrong")

    file.open(_must_not_ask).close()


def test_the_key_itself_is_in_neither_half(state: State, half: Path) -> None:
    assert state._vault.secret() not in raw.read(half.parents[1])


def test_the_state_names_no_file_to_destroy(file: StateFile, half: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    with sqlite3.connect(file.path) as database:
        database.execute("insert into meta values ('unlock_file', ?)", (str(victim).encode(),))
    half.unlink()

    file.open(lambda: PASSPHRASE).close()
    file.lock()

    assert victim.read_text() == "precious"


@pytest.mark.parametrize("kind", ["link", "pipe", "readable", "folder"])
def test_what_no_unlock_made_is_left_alone(
    file: StateFile, state: State, half: Path, tmp_path: Path, kind: str
) -> None:
    victim = tmp_path / "victim"
    half.rename(victim)
    match kind:
        case "link":
            half.symlink_to(victim)
        case "pipe":
            os.mkfifo(half, 0o600)
        case "readable":
            half.write_text("precious")
            half.chmod(0o644)
        case "folder":
            half.mkdir(mode=0o700)
    before = victim.read_bytes()

    with pytest.raises(Locked):
        file.open(lambda: "wrong")
    for act in (file.lock, lambda: state.unlock(until=time.time() + 60)):
        with pytest.raises(SealpostError) as refused:
            act()
        assert refused.value.code == "foreign-key-file"

    assert victim.read_bytes() == before
    assert half.lstat()


def test_a_folder_that_others_may_enter_is_not_used(file: StateFile, state: State, half: Path) -> None:
    half.parent.chmod(0o755)

    with pytest.raises(Locked):
        file.open(lambda: "wrong")
    with pytest.raises(SealpostError, match="others may read"):
        state.unlock(until=time.time() + 60)


def test_its_half_is_never_beside_the_state(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = [ProfileFolder(tmp_path / "home", name) for name in ("ada", "bob")]
    without = [home.key_file for home in homes]
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    runtime = [home.key_file for home in homes]

    assert {path.parents[1] for path in without} == {temporary}
    assert all(path.parent.name.startswith(f"sealpost-{os.getuid()}-") for path in without)
    assert {path.parent for path in runtime} == {tmp_path / "sealpost"}
    assert len({*without, *runtime}) == 4


def _must_not_ask() -> str:
    raise AssertionError("the passphrase was asked for")
