from dataclasses import replace
from typing import Any

import pytest

from common.errors import Forbidden, InvalidCode, InvalidProof, InvalidRequest, RateLimited
from common.identity import UID
from common.jose import digest
from common.sessions import NewSession, Renewal
from common.sessions.model import Ending
from tests.fakes.quotas import FakeQuotas
from tests.unit.sessions.world import (
    ALICE,
    CODE,
    HASH,
    HOME,
    INDEX_KEY,
    LAPTOP,
    PHONE,
    World,
    caller_of,
)


async def test_a_first_device_is_pending_and_reads_nothing(world: World) -> None:
    opened = await world.open(world.new_session())
    assert (opened.uid, opened.device, opened.state, opened.head) == ("alice1", PHONE.kid, "pending", None)
    assert world.live.documents == {}
    assert opened.custom_token is None
    assert opened.json()["head"] is None


async def test_the_access_token_speaks_for_the_session(world: World) -> None:
    opened = await world.begin()
    caller = world.gate.caller(opened.access_token)
    assert caller == caller_of(opened)
    assert opened.expires_in == 900


async def test_a_device_that_is_active_reads_at_once(world: World) -> None:
    await world.begin()
    opened = await world.begin()
    stored = world.store.sessions[opened.session]
    assert opened.state == "active"
    assert opened.head is not None
    assert opened.head.hash == HASH
    assert world.live.documents.keys() == {("alice1", opened.session)}
    assert opened.custom_token == f"custom.alice1.{opened.session}"
    assert stored.expires_at == world.clock.now + 45 * 86_400


async def test_tokens_are_stored_as_hashes_alone(world: World) -> None:
    opened = await world.begin()
    stored = world.store.sessions[opened.session]
    assert stored.refresh_hash == digest(opened.refresh_token)
    assert opened.refresh_token not in repr(world.store)
    assert opened.access_token not in repr(world.store)


async def test_the_answer_is_the_one_of_the_protocol(world: World) -> None:
    await world.begin()
    answer = (await world.begin()).json()
    assert answer.keys() == {
        *("uid", "session_id", "device", "head", "access_token", "token_type", "expires_in", "refresh_token"),
        "pending_reset",
    }
    assert answer["device"] == {"id": PHONE.kid, "state": "active", "restored": False}
    assert answer["head"] == {"uid": "alice1", "root": HASH, "seq": 0, "hash": HASH}
    assert answer["token_type"] == "Bearer"


async def test_an_address_gets_an_account_and_keeps_it(world: World) -> None:
    world.store.accounts.clear()
    first = await world.begin()
    assert UID.fullmatch(first.uid)
    assert world.identities.accounts == {first.uid}
    again = await world.begin(LAPTOP)
    assert again.uid == first.uid
    assert world.identities.accounts == {first.uid}


async def test_a_code_works_once(world: World) -> None:
    await world.open(world.new_session())
    world.clock.now += 1
    with pytest.raises(InvalidCode):
        await world.open(world.new_session())


async def test_a_code_of_another_address_is_refused(world: World) -> None:
    request = replace(world.new_session(), email="bob@example.org")
    with pytest.raises(InvalidCode):
        await world.open(request)


@pytest.mark.parametrize(
    "changed",
    [
        {"proof": "forged"},
        {"credential": "another code which is long"},
        {"function": "refresh_session"},
        {"device": LAPTOP},
        {"changed": {"iat": 1_800_000_000 - 121}},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_wrong_proof_does_not_use_the_code_up(world: World, changed: dict[str, Any]) -> None:
    made = world.proof(
        changed.get("function", "create_session"),
        changed.get("credential", CODE),
        changed.get("device", PHONE),
        **changed.get("changed", {}),
    )
    request = replace(world.new_session(), proof=changed.get("proof", made))
    with pytest.raises(InvalidProof):
        await world.open(request)
    assert CODE in world.identities.codes
    assert world.store.sessions == {}


async def test_a_call_counts_once(world: World) -> None:
    request = world.new_session()
    await world.open(request)
    with pytest.raises(InvalidCode):
        await world.open(request)
    assert len(world.store.sessions) == 1


async def test_a_network_tries_sixty_codes_an_hour_and_keeps_the_next_one(world: World) -> None:
    for number in range(60):
        with pytest.raises(InvalidCode):
            await world.open(world.new_session(f"guessed-code-{number:04}"))
    with pytest.raises(RateLimited) as limited:
        await world.open(world.new_session())
    assert limited.value.retry_after == 3_600
    assert limited.value.detail == "Too many sign-ins from this network. Wait, then try again."
    assert CODE in world.identities.codes
    await world.open(world.new_session(), network="198.51.100.0/24")


async def test_networks_are_counted_apart_from_those_of_sign_up(world: World) -> None:
    await world.open(world.new_session())
    assert isinstance(world.sessions.quotas, FakeQuotas)
    subject = INDEX_KEY.subject("network of sessions", HOME, world.clock.now)
    assert [counted for counted, _, _ in world.sessions.quotas.counts] == [subject]


async def test_an_hour_later_a_network_may_sign_in_again(world: World) -> None:
    world.clock.now = world.clock.now // 86_400 * 86_400
    for number in range(61):
        with pytest.raises((InvalidCode, RateLimited)):
            await world.open(world.new_session(f"guessed-code-{number:04}"))
    world.clock.now += 3_600
    await world.open(world.new_session())


async def test_what_proves_nothing_is_not_counted(world: World) -> None:
    for _ in range(70):
        with pytest.raises(InvalidProof):
            await world.open(replace(world.new_session(), proof="forged"))
    await world.open(world.new_session())


async def test_a_device_has_one_account(world: World) -> None:
    await world.begin()
    world.identities.codes["code-of-bobs-mail"] = "bob@example.org"
    made = world.proof("create_session", "code-of-bobs-mail")
    request = NewSession("bob@example.org", "code-of-bobs-mail", PHONE.jwk(), made)
    with pytest.raises(Forbidden):
        await world.open(request)
    assert len(world.store.sessions) == 1


@pytest.mark.parametrize("jwk", [{}, PHONE.wrapping_jwk(), PHONE.jwk() | {"d": "AQAB"}])
async def test_a_key_that_signs_nothing_is_refused(world: World, jwk: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"^The device's key "):
        await world.open(replace(world.new_session(), device=jwk))
    assert CODE in world.identities.codes


@pytest.mark.parametrize("code", ["", "a" * 15, "a" * 513, "a" * 20 + "\n", "a" * 20 + "=", "\u00e9" * 20])
def test_a_code_is_base64url(code: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^The code "):
        NewSession(ALICE, code, {}, "")


def test_a_session_id_of_22_characters_is_one() -> None:
    assert Ending("-_" * 11, "").session_id == "-_" * 11


def test_an_address_is_a_mailbox() -> None:
    with pytest.raises(InvalidRequest, match="email address"):
        NewSession("alice", CODE, {}, "")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a" * 66,
        f"{'s' * 22}.{'a' * 42}",
        f"{'s' * 22}.{'a' * 44}",
        f"{'s' * 21}.{'a' * 43}",
        f"{'s' * 22}.{'a' * 43}\n",
        f"{'s' * 22}.{chr(0xE9) * 43}",
    ],
)
def test_a_refresh_token_has_43_characters(token: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^The refresh token "):
        Renewal(token, "")


@pytest.mark.parametrize("session", ["", "a" * 21, "a" * 23, "a" * 22 + "\n", "../accounts/bob1/sess"])
def test_a_session_id_has_22_characters(session: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^The session id "):
        Ending(session, "")
