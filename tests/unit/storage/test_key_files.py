import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from common.settings import SettingsError, read_secret
from common.storage import key_files
from common.storage.key_files import KeyFiles, index_key
from tests.signing import b64


def private(kid: str) -> dict[str, Any]:
    jwk: dict[str, Any] = ECAlgorithm.to_jwk(generate_private_key(SECP256R1()), as_dict=True)
    return jwk | {"kid": kid, "use": "sig", "alg": "ES256"}


def public(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name != "d"}


OLD, CURRENT, NEXT = private("old"), private("current"), private("next")


class World:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(key_files, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.signing, self.verifying = folder / "signing", folder / "verifying"
        self.write([CURRENT], [OLD, CURRENT])
        self.keys = KeyFiles(self.signing, self.verifying)

    def write(self, signing: list[dict[str, Any]], verifying: list[dict[str, Any]]) -> None:
        self.signing.write_text(json.dumps({"keys": signing}))
        self.verifying.write_text(json.dumps({"keys": [public(jwk) for jwk in verifying]}))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_the_first_key_signs_and_all_verify(world: World) -> None:
    kid, key = world.keys.signing()
    assert kid == "current"
    verifying = world.keys.verifying("current")
    assert verifying is not None
    assert verifying.public_numbers() == key.public_key().public_numbers()
    assert world.keys.verifying("old") is not None
    assert world.keys.verifying("unknown") is None


def test_published_keys_are_public(world: World) -> None:
    world.verifying.write_text(json.dumps({"keys": [public(CURRENT) | {"note": "x"}]}))
    expected = {name: CURRENT[name] for name in ("kty", "crv", "x", "y", "kid")}
    assert world.keys.published() == [expected | {"alg": "ES256", "use": "sig"}]


def test_an_unknown_kid_is_looked_up_again_once_a_minute_at_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []

    def read(path: Path) -> str:
        reads.append(path)
        return read_secret(path)

    monkeypatch.setattr(key_files, "read_secret", read)
    assert world.keys.verifying("next") is None
    world.write([NEXT], [CURRENT, NEXT])
    world.now = 59.9
    assert world.keys.verifying("next") is None
    assert len(reads) == 1
    world.now = 60
    assert world.keys.verifying("next") is not None
    assert world.keys.verifying("old") is None
    assert len(reads) == 2


def test_a_known_kid_reads_nothing(world: World) -> None:
    world.keys.verifying("current")
    world.verifying.unlink()
    world.now = 1e9
    assert world.keys.verifying("current") is not None


def test_a_rotated_key_signs_within_a_minute(world: World) -> None:
    world.keys.signing()
    world.write([NEXT, CURRENT], [CURRENT, NEXT])
    assert world.keys.signing()[0] == "current"
    world.now = 60.1
    assert world.keys.signing()[0] == "next"


def test_a_set_that_verifies_holds_no_private_key(world: World) -> None:
    world.verifying.write_text(json.dumps({"keys": [CURRENT]}))
    with pytest.raises(SettingsError, match="public"):
        world.keys.verifying("current")


def test_a_key_that_signs_is_private(world: World) -> None:
    world.signing.write_text(json.dumps({"keys": [public(CURRENT)]}))
    with pytest.raises(SettingsError, match="private"):
        world.keys.signing()


def test_a_set_is_not_empty(world: World) -> None:
    world.write([], [])
    for ask in (world.keys.signing, world.keys.published):
        with pytest.raises(SettingsError, match="empty"):
            ask()


def test_a_file_that_a_function_was_not_given_is_named() -> None:
    keys = KeyFiles(None, None)
    with pytest.raises(SettingsError, match="SIGNING_KEYS_FILE"):
        keys.signing()
    with pytest.raises(SettingsError, match="VERIFICATION_KEYS_FILE"):
        keys.verifying("x")


def test_an_index_key_has_32_bytes(tmp_path: Path) -> None:
    file = tmp_path / "index"
    file.write_text(b64(bytes(range(32))) + "\n")
    assert index_key(file).secret == bytes(range(32))
    file.write_text(b64(bytes(31)))
    with pytest.raises(SettingsError, match="32 bytes"):
        index_key(file)
    with pytest.raises(SettingsError, match="INDEX_KEY_FILE"):
        index_key(None)
