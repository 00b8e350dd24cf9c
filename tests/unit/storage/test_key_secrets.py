"""The ring of token keys in Secret Manager: what a rotation leaves there, alone, beside others, and after a fault."""

import asyncio
import time
from collections.abc import Iterator

import pytest
import requests

from common.errors import Unavailable
from common.sessions import KeyRotation
from common.sessions.key_ring import KeyRing
from common.settings import Settings, SettingsError
from common.storage.key_ring import KeyRingSecrets, KeySets, key_ring_of
from common.storage.secret_manager import SecretManager, SecretManagerRefused
from tests.unit.storage.secret_service import Kept, SecretService, secret_service

NOW = 1_800_000_000.0
HOUR = 3_600
SIGNING = "projects/demo/secrets/signing-keys"
VERIFYING = "projects/demo/secrets/verification-keys"


@pytest.fixture
def service() -> Iterator[SecretService]:
    with secret_service() as running:
        sets = KeySets.of(KeyRing.new(NOW))
        running.secrets[SIGNING] = Kept(versions=[("ENABLED", sets.signing)])
        running.secrets[VERIFYING] = Kept(versions=[("ENABLED", sets.verifying)])
        yield running


def ring_in(service: SecretService) -> KeyRingSecrets:
    return KeyRingSecrets(SIGNING, VERIFYING, SecretManager(service.api, requests.Session()))


def kids(ring: KeyRing) -> list[str]:
    return [key.kid for key in (ring.next, ring.current, *ring.previous) if key]


async def test_a_ring_comes_back_as_it_was_put(service: SecretService) -> None:
    store = ring_in(service)
    before, version = await store.read()
    after = before.turned(NOW + HOUR)
    assert await store.replace(version, after)
    found, _ = await store.read()
    assert kids(found) == kids(after)
    assert found.changed_at == NOW + HOUR


async def test_of_several_callers_one_turns_the_ring(service: SecretService) -> None:
    stores = [ring_in(service) for _ in range(6)]
    read = [await store.read() for store in stores]
    rings = [ring.turned(NOW + HOUR) for ring, _ in read]
    done = await asyncio.gather(
        *(store.replace(version, ring) for store, (_, version), ring in zip(stores, read, rings, strict=True))
    )
    assert sum(done) == 1
    found, _ = await stores[0].read()
    assert kids(found) == kids(rings[done.index(True)])
    assert [len(service.secrets[name].versions) for name in (SIGNING, VERIFYING)] == [2, 2]


async def test_keys_are_published_before_one_of_them_signs(service: SecretService) -> None:
    store = ring_in(service)
    ring, version = await store.read()
    await store.replace(version, ring.turned(NOW + HOUR))
    added = [call for call in service.calls if call.endswith(":addVersion")]
    assert added == [f"POST {VERIFYING}:addVersion", f"POST {SIGNING}:addVersion"]


async def test_private_keys_that_were_replaced_are_destroyed_and_the_newest_never(
    service: SecretService,
) -> None:
    store = ring_in(service)
    for number in range(1, 5):
        ring, version = await store.read()
        await store.replace(version, ring.turned(NOW + number * HOUR))
    states = [state for state, _ in service.secrets[SIGNING].versions]
    assert states == ["DESTROYED"] * 4 + ["ENABLED"]


async def test_versions_on_several_pages_are_all_destroyed(service: SecretService) -> None:
    secret = service.secrets[SIGNING]
    secret.versions *= 5
    store = ring_in(service)
    ring, version = await store.read()
    await store.replace(version, ring.turned(NOW + HOUR))
    assert [state for state, _ in secret.versions] == ["DESTROYED"] * 5 + ["ENABLED"]


async def test_who_comes_while_the_ring_is_turned_comes_again(service: SecretService) -> None:
    service.secrets[SIGNING].annotations = {"turning-since": str(int(time.time()) - 500)}
    with pytest.raises(Unavailable):
        await ring_in(service).read()
    service.secrets[SIGNING].annotations = {"turning-since": str(int(time.time()) - 700)}
    await ring_in(service).read()


@pytest.mark.parametrize("end", [":addVersion", ":destroy", "signing-keys:addVersion"])
async def test_a_fault_leaves_a_ring_that_can_be_turned_again(service: SecretService, end: str) -> None:
    store = ring_in(service)
    before, version = await store.read()
    service.broken[end] = (503, "UNAVAILABLE")
    with pytest.raises(Unavailable):
        await store.replace(version, before.turned(NOW + HOUR))
    service.broken.clear()
    service.secrets[SIGNING].annotations = {}  # ten minutes later
    left, version = await store.read()
    assert {left.current.kid, left.next and left.next.kid} <= set(published(service))
    assert await store.replace(version, left.turned(NOW + 2 * HOUR))


def published(service: SecretService) -> list[str]:
    ring = KeySets(
        service.secrets[SIGNING].versions[-1][1], service.secrets[VERIFYING].versions[-1][1]
    ).ring()
    return kids(ring)


@pytest.mark.parametrize(("status", "name"), [(409, "ABORTED"), (412, "x"), (400, "FAILED_PRECONDITION")])
async def test_an_etag_of_the_past_turns_nothing(service: SecretService, status: int, name: str) -> None:
    store = ring_in(service)
    ring, version = await store.read()
    service.broken["signing-keys"] = (status, name)
    assert not await store.replace(version, ring.turned(NOW + HOUR))


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_names_its_status_and_nothing_else(service: SecretService, status: int) -> None:
    store = ring_in(service)
    _, version = await store.read()
    service.broken[SIGNING] = (status, "PERMISSION_DENIED")
    for call in (store.read(), store.replace(version, KeyRing.new(NOW))):
        with pytest.raises(SecretManagerRefused) as refused:
            await call
        assert str(refused.value) == f"Secret Manager answered HTTP {status}."


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_service_is_asked_again_later(service: SecretService, status: int) -> None:
    service.broken[SIGNING] = (status, "x")
    with pytest.raises(Unavailable):
        await ring_in(service).read()


async def test_a_service_that_is_away_is_asked_again_later() -> None:
    store = KeyRingSecrets(SIGNING, VERIFYING, SecretManager("http://127.0.0.1:9", requests.Session()))
    with pytest.raises(Unavailable):
        await store.read()


async def test_a_rotation_turns_it_once_an_hour(service: SecretService) -> None:
    def rotation(now: float) -> KeyRotation:
        return KeyRotation(store=ring_in(service), clock=lambda: now)

    assert not await rotation(NOW + HOUR - 1).run()
    assert await rotation(NOW + HOUR).run()
    assert not await rotation(NOW + HOUR).run()


def settings(**more: str) -> Settings:
    return Settings.from_environment(
        {"GOOGLE_CLOUD_PROJECT": "demo", "SEALPOST_URL": "https://api.sealpost.example", **more}
    )


def test_a_deployment_that_names_its_secrets_turns_them() -> None:
    store = key_ring_of(settings(SIGNING_KEYS_SECRET=SIGNING, VERIFICATION_KEYS_SECRET=VERIFYING))
    assert isinstance(store, KeyRingSecrets)
    assert (store.signing, store.verifying) == (SIGNING, VERIFYING)
    with pytest.raises(SettingsError, match="SIGNING_KEYS_SECRET must read projects/"):
        settings(SIGNING_KEYS_SECRET="signing-keys")
