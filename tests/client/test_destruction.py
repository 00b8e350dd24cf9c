"""What is left of keys and texts in the profile's files: while they are kept, and once they are destroyed."""

import base64
import random
from pathlib import Path

import pytest

from sealpost.account import Account
from sealpost.state import Kind, State, StateFile, StoredMessage
from sealpost.vault import Vault
from tests.client import raw
from tests.client.fakes import CHEAP, PASSPHRASE, World, texts

DAY = 86400
LEAVES_PIECES = (11, 20, 107)
"""Seeds of lives after which SQLite 3.40 keeps pieces of deleted rows in its pages, secure_delete or not."""
TEXT = "attack at dawn, by the old mill 8f2c"


class TestScan:
    """The scan finds what it is to miss below."""

    @pytest.mark.parametrize("which", range(11))
    def test_a_key_in_any_form(self, tmp_path: Path, key_pool: list[dict[str, str]], which: int) -> None:
        for name in ("d", "qi"):
            member = base64.urlsafe_b64decode(key_pool[0][name] + "==")
            (tmp_path / "file").write_bytes(b"\x01 before " + list(raw.forms(member))[which] + b" after")

            assert raw.shows_key(raw.read(tmp_path), key_pool[0])
            assert not raw.shows_key(raw.read(tmp_path), key_pool[1])

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
    @pytest.mark.parametrize("shift", range(3))
    def test_a_text_in_any_encoding(self, encoding: str, shift: int) -> None:
        encoded = TEXT.encode(encoding)
        for found in (encoded, encoded.hex().encode(), base64.b64encode(b"x" * shift + encoded + b"tail")):
            assert raw.shows_text(b"before" + found, TEXT)

    def test_without_sealing_it_finds_everything(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def unchanged(_vault: Vault, value: bytes, *, place: str) -> bytes:
            return value

        monkeypatch.setattr(Vault, "seal", unchanged)
        monkeypatch.setattr(Vault, "open", unchanged)
        with world.person("ada") as ada, world.person("bob"):
            ada.send("bob@example.org", TEXT)
            (key,) = ada._device.receiving_keys().values()
            secret = ada._state._vault.secret()

        found = raw.read(world.home)

        assert raw.shows_text(found, TEXT)
        assert raw.shows_key(found, key.key.to_json())
        assert raw.shows(found, secret)


def test_nothing_that_is_kept_can_be_read(world: World) -> None:
    with world.person("ada") as ada, world.person("bob") as bob:
        ada.send("bob@example.org", TEXT)
        assert texts(bob) == [TEXT]
        bob.unlock(minutes=1)
        keys = [
            key.to_json()
            for account in (ada, bob)
            for key in (account._device.key, *(own.key for own in account._device.receiving_keys().values()))
        ]
        tokens = ada._session.tokens()
        secrets = [account._state._vault.secret() for account in (ada, bob)]

    found = raw.read(world.home)

    assert not any(raw.shows_key(found, key) for key in keys)
    assert not any(raw.shows(found, secret) for secret in secrets)
    for text in (TEXT, "bob@example.org", PASSPHRASE, tokens.refresh_token, tokens.access_token):
        assert not raw.shows_text(found, text)


def test_a_retired_key_leaves_no_byte(world: World, ada: Account, bob: Account) -> None:
    bob.send("ada@example.org", TEXT)
    assert texts(ada) == [TEXT]
    (retired,) = ada._device.receiving_keys()
    before = [raw.row(ada._state, "documents", retired)]
    world.wall.ahead = 8 * DAY
    ada.inbox()
    before.append(raw.row(ada._state, "documents", retired))
    assert raw.shows_piece(raw.read(world.home), before[1])
    world.wall.ahead = 10 * DAY

    ada.inbox()

    assert ada._device.destroyed_kids() == {retired}
    assert not any(raw.shows_piece(raw.read(world.home), value) for value in before)


def test_an_expired_message_leaves_no_byte(world: World, ada: Account) -> None:
    content = {"kind": "received", "uid": "u", "address": "a@example.org", "text": TEXT * 40, "inner": "i"}
    expires = int(world.wall.time() + DAY) * 1000
    for number in range(5):
        message = StoredMessage("c", f"m{number}", number, new=True, content=content | {"expires": expires})
        ada._state.put_message(message)
    before = [raw.row(ada._state, "messages", f"m{number}") for number in range(5)]
    assert all(raw.shows_piece(raw.read(world.home), value) for value in before)
    world.wall.ahead = 2 * DAY

    assert list(ada.history()) == []

    assert not any(raw.shows_piece(raw.read(world.home), value) for value in before)


def lived(state: State, chance: random.Random) -> list[bytes]:
    """Rows come, change and go as in a long life. The sealed values that are gone."""
    gone, kept = [], dict[str, bytes]()
    for _ in range(200):
        identity = str(chance.randrange(60)).zfill(30)
        if identity in kept:
            gone.append(kept.pop(identity))
            if chance.random() < 0.5:
                state.delete(Kind.HELD, identity)
                continue
        state.put(Kind.HELD, {"text": "x" * chance.choice([10, 940])}, identity)
        kept[identity] = raw.row(state, "documents", identity)
    return gone


@pytest.mark.parametrize("seed", LEAVES_PIECES)
def test_pages_that_were_split_and_joined_keep_nothing(tmp_path: Path, seed: int) -> None:
    state = StateFile(tmp_path / "state.sqlite", key_file=tmp_path / "half").create(PASSPHRASE, cost=CHEAP)
    gone = lived(state, random.Random(seed))  # noqa: S311 - nothing is secret here

    with state.destroying():
        pass

    found = raw.read(tmp_path)
    assert not any(raw.shows_piece(found, value) for value in gone)
    assert state._database.execute("pragma integrity_check").fetchone() == ("ok",)


def test_a_deleted_row_is_overwritten_at_once(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.sqlite", key_file=tmp_path / "half").create(PASSPHRASE, cost=CHEAP)
    state.put(Kind.OUTBOX, {"text": TEXT * 100}, "m")
    before = raw.row(state, "documents", "m")

    state.delete(Kind.OUTBOX, "m")

    assert not raw.shows_piece(raw.read(tmp_path), before)


def test_what_could_not_be_destroyed_is_at_the_next_opening(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.sqlite", key_file=tmp_path / "half")
    state = file.create(PASSPHRASE, cost=CHEAP)
    state.put(Kind.PROFILE, {})
    reading = state._database.execute("select name from meta")  # holds the file, as another process may

    with state.destroying():
        state.delete(Kind.PROFILE)
    assert state._database.execute("select count(*) from meta where name = 'destroyed'").fetchone() == (1,)
    reading.close()
    state.close()

    again = file.open(lambda: PASSPHRASE)
    assert again._database.execute("select count(*) from meta where name = 'destroyed'").fetchone() == (0,)
