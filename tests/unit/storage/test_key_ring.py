"""The ring of token keys in its two files, and what its readers see while it turns."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from common.identity import Caller
from common.sessions import KeyRotation, tokens
from common.sessions.key_ring import KeyRing, SigningKey
from common.sessions.ports import TokenKeyRing
from common.settings import Settings, SettingsError
from common.storage import key_files, key_ring
from common.storage.key_files import KeyFiles
from common.storage.key_ring import KeyRingFiles, key_ring_of
from tests.fakes.sessions import FakeKeyRing

NOW = 1_800_000_000.0
HOUR = 3_600
ISSUER = "https://api.sealpost.example"
CALLER = Caller(uid="alice1", session="s" * 22, device="d" * 43)


def files_in(folder: Path, ring: KeyRing | None = None) -> KeyRingFiles:
    files = KeyRingFiles(folder / "signing", folder / "verifying")
    files.write(ring or KeyRing.new(NOW))
    return files


def names(ring: KeyRing) -> list[str]:
    return [key.kid for key in (ring.next, ring.current, *ring.previous) if key]


def published(files: KeyRingFiles) -> list[str]:
    return [jwk["kid"] for jwk in json.loads(files.verifying.read_text())["keys"]]


@pytest.fixture(params=["fake", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TokenKeyRing:
    return FakeKeyRing(KeyRing.new(NOW)) if request.param == "fake" else files_in(tmp_path)


async def test_a_ring_comes_back_as_it_was_put(store: TokenKeyRing) -> None:
    _, version = await store.read()
    ring = KeyRing.new(NOW + 7).turned(NOW + 8)
    assert await store.replace(version, ring)
    found, _ = await store.read()
    assert names(found) == names(ring)
    assert found.changed_at == NOW + 8
    numbers = [key.private.private_numbers() for key in (found.current, found.next) if key]
    assert numbers == [key.private.private_numbers() for key in (ring.current, ring.next) if key]


async def test_a_version_is_replaced_once(store: TokenKeyRing) -> None:
    ring, version = await store.read()
    rings = [ring.turned(NOW + number) for number in range(8)]
    done = await asyncio.gather(*(store.replace(version, one) for one in rings))
    assert sum(done) == 1
    found, _ = await store.read()
    assert names(found) == names(rings[done.index(True)])


def test_the_files_are_their_owners_alone_and_public_keys_are_public(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "signing": 0o600,
        "verifying": 0o600,
    }
    assert not any("d" in jwk for jwk in json.loads(files.verifying.read_text())["keys"])


async def test_the_service_reads_what_the_rotation_writes(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    before, version = await files.read()
    assert KeyFiles(files.signing, files.verifying).signing()[0] == before.current.kid
    await files.replace(version, before.turned(NOW))
    after, _ = await files.read()
    keys = KeyFiles(files.signing, files.verifying)
    assert before.next
    assert keys.signing()[0] == before.next.kid
    assert [jwk["kid"] for jwk in keys.published()] == names(after)


async def test_a_set_of_one_key_from_before_there_were_next_ones_turns_too(tmp_path: Path) -> None:
    alone = SigningKey.new()
    files = files_in(tmp_path, KeyRing(current=alone, next=None, changed_at=0))
    private = json.loads(files.signing.read_text())
    files.signing.write_text(json.dumps({"keys": private["keys"]}))
    assert await KeyRotation(store=files, clock=lambda: NOW).run()
    ring, _ = await files.read()
    assert ring.current.kid == alone.kid
    assert published(files) == names(ring)
    assert len(names(ring)) == 2


@pytest.mark.parametrize("fails_at", [1, 2])
async def test_a_fault_in_the_middle_of_a_turn_leaves_keys_that_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    files = files_in(tmp_path)
    before, _ = await files.read()
    writes = 0
    write = key_ring._write

    def fail(path: Path, text: str) -> None:
        nonlocal writes
        writes += 1
        if writes == fails_at:
            raise OSError
        write(path, text)

    monkeypatch.setattr(key_ring, "_write", fail)
    rotation = KeyRotation(store=files, clock=lambda: NOW + HOUR)
    with pytest.raises(OSError):  # noqa: PT011 - any
        await rotation.run()
    monkeypatch.undo()
    signer = json.loads(files.signing.read_text())["keys"]
    assert [jwk["kid"] for jwk in signer] == [key.kid for key in (before.current, before.next) if key]
    assert {jwk["kid"] for jwk in signer} <= set(published(files))

    assert await rotation.run(), "the call may be repeated"
    after, _ = await files.read()
    assert before.next
    assert (after.current.kid, names(after)[2:]) == (before.next.kid, [before.current.kid])


def settings_of(signing: Path | None, verifying: Path | None) -> Settings:
    environment = {"GOOGLE_CLOUD_PROJECT": "p", "SEALPOST_URL": "http://localhost"}
    paths = {"SIGNING_KEYS_FILE": signing, "VERIFICATION_KEYS_FILE": verifying}
    given = {name: str(path) for name, path in paths.items() if path}
    return Settings.from_environment(environment | given)


def test_a_ring_that_is_not_configured_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SIGNING_KEYS_FILE"):
        key_ring_of(settings_of(None, tmp_path / "v"))
    with pytest.raises(SettingsError, match="VERIFICATION_KEYS_FILE"):
        key_ring_of(settings_of(tmp_path / "s", None))
    store = key_ring_of(settings_of(tmp_path / "s", tmp_path / "v"))
    assert isinstance(store, KeyRingFiles)
    assert store.signing == tmp_path / "s"


def test_a_mount_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SettingsError, match="Secret Manager"):
        key_ring_of(settings_of(tmp_path / "s", tmp_path / "v"))


@pytest.mark.parametrize("which", ["signing", "verifying"])
async def test_a_set_of_the_wrong_kind_is_refused(tmp_path: Path, which: str) -> None:
    files = files_in(tmp_path, replace(KeyRing.new(NOW), previous=(SigningKey.new().verifying,)))
    private, public = (path.read_text() for path in (files.signing, files.verifying))
    wrong = {"signing": (public, public), "verifying": (private, json.dumps({"keys": _strangers()}))}
    files.signing.write_text(wrong[which][0])
    files.verifying.write_text(wrong[which][1])
    with pytest.raises(SettingsError, match=r"private keys" if which == "signing" else r"public keys"):
        await files.read()


def _strangers() -> list[dict[str, Any]]:
    key = SigningKey.new()
    return [key_ring._jwk(key.kid, key.private)]


class Fleet:
    """Instances of the service, each with its own idea of the keys, and a scheduler that calls when it likes."""

    def __init__(self, folder: Path, time: Callable[[], float]) -> None:
        self.files = files_in(folder, KeyRing.new(time()))
        self.rotation = KeyRotation(store=self.files, clock=time)
        self.instances = [self.new() for _ in range(3)]

    def new(self) -> KeyFiles:
        return KeyFiles(self.files.signing, self.files.verifying)


WAITS = (0, 1, 30, 59, 61, 300, 880, HOUR)


@pytest.mark.parametrize("seed", range(5))
async def test_no_instance_refuses_a_valid_token_however_rotations_fall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    now, chance = NOW, Random(seed)  # noqa: S311 - a schedule is no secret
    monkeypatch.setattr(key_files, "time", SimpleNamespace(monotonic=lambda: now))
    fleet = Fleet(tmp_path, lambda: now)
    alive: list[tuple[float, str]] = []
    turns = 0
    for _ in range(80):
        now += chance.choice(WAITS)
        which = chance.randrange(len(fleet.instances))
        keys = fleet.instances[which]
        what = chance.choice(("issue", "issue", "rotate", "rotate", "restart", "guess"))
        if what == "issue":
            alive.append((now, tokens.issue(CALLER, issuer=ISSUER, keys=keys, now=now)))
        elif what == "rotate":
            turns += await fleet.rotation.run()
        elif what == "restart":
            fleet.instances[which] = fleet.new()
        else:
            keys.verifying("a stranger's guess, which makes it read")
        alive = [(issued, token) for issued, token in alive if now < issued + tokens.LIFETIME]
        for _, token in {*alive[:1], *alive[-1:]}:
            for instance in fleet.instances:
                assert tokens.read(token, issuer=ISSUER, keys=instance).caller == CALLER
    assert turns > 3


async def test_a_ring_of_another_curve_is_refused(tmp_path: Path) -> None:
    files = files_in(tmp_path, KeyRing.new(NOW))
    private = json.loads(files.signing.read_text())
    other = ECAlgorithm.to_jwk(generate_private_key(SECP384R1()), as_dict=True)
    files.signing.write_text(json.dumps(private | {"keys": [{**other, "kid": "p384"}]}))
    with pytest.raises(SettingsError, match="P-256"):
        await files.read()
