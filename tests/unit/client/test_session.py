"""Tokens are renewed in time, once, and never in a way that ends the session."""

import httpx
import pytest

from sealpost.errors import NotSignedIn, SealpostError, ServiceUnavailable
from sealpost.identity import sign_in_with_custom_token
from sealpost.session import Firebase
from tests.unit.client.fakes import Json, StillWall, World, claims, problem


def test_an_access_token_is_replaced_before_its_end(world: World) -> None:
    ada = world.person("ada")
    before = ada._session.tokens()
    world.wall.ahead = 900 - 30

    ada._session.call("find_keys", {"accounts": [], "conversations": []})

    assert ada._session.tokens().access_token != before.access_token
    (refresh,) = world.service.called("refresh_session")
    assert refresh["refresh_token"] == before.refresh_token
    assert claims(refresh["proof"])["htu"].endswith("/v1/refresh_session")


def test_after_a_lost_answer_the_same_bytes_are_sent(world: World) -> None:
    ada = world.person("ada")
    world.wall.ahead = 900
    world.service.lose["refresh_session"] = 2

    ada._session.call("find_keys", {"accounts": [], "conversations": []})

    first, second, third = world.service.called("refresh_session")
    assert first == second == third


def test_after_a_crash_the_next_process_sends_the_same_bytes(world: World) -> None:
    world.person("ada").close()
    world.wall.ahead = 900
    world.service.lose["refresh_session"] = 99
    with world.reopened("ada") as ada, pytest.raises(ServiceUnavailable):
        ada._session.call("find_keys", {"accounts": [], "conversations": []})
    world.service.lose.clear()

    with world.reopened("ada") as ada:
        ada._session.call("find_keys", {"accounts": [], "conversations": []})

    refreshes = world.service.called("refresh_session")
    assert all(refresh == refreshes[0] for refresh in refreshes)
    assert len(refreshes) > 4


def test_an_old_proof_is_made_anew(world: World) -> None:
    ada = world.person("ada")
    world.wall.ahead = 900
    world.service.lose["refresh_session"] = 4
    with pytest.raises(ServiceUnavailable):
        ada._session.call("find_keys", {"accounts": [], "conversations": []})
    world.wall.ahead = 900 + 101

    ada._session.call("find_keys", {"accounts": [], "conversations": []})

    proofs = [refresh["proof"] for refresh in world.service.called("refresh_session")]
    assert len(set(proofs)) == 2


def test_two_processes_refresh_once(world: World) -> None:
    ada, again = world.person("ada"), world.reopened("ada")
    stale = ada._session.tokens().access_token
    again._session._refresh(stale=stale)

    ada._session._refresh(stale=stale)

    assert len(world.service.called("refresh_session")) == 1


def test_a_token_refused_before_its_time_is_replaced_once(world: World) -> None:
    ada = world.person("ada")
    refusals = [problem(401, "unauthenticated")]
    world.service.before["find_keys"] = lambda _body: refusals.pop() if refusals else None

    ada._session.call("find_keys", {"accounts": [], "conversations": []})

    assert len(world.service.called("refresh_session")) == 1


def test_an_ended_session_is_said_and_forgotten(world: World) -> None:
    ada = world.person("ada")
    for function in ("find_keys", "refresh_session"):
        world.service.before[function] = lambda _body: problem(401, "unauthenticated")

    with pytest.raises(NotSignedIn) as ended:
        ada.send("bob@example.org", "hello")

    assert "sealpost sign-in" in ended.value.cure
    assert not ada.whoami().signed_in


def test_proofs_are_fresh_for_each_try_of_a_publication(world: World) -> None:
    world.service.lose["publish_key"] = 2

    world.person("ada")

    tries = world.service.called("publish_key")
    assert len({claims(one["proof"])["jti"] for one in tries}) == len(tries) == 3
    assert len({one["statement"] for one in tries}) == 1


def test_signing_out_revokes_with_a_proof(world: World) -> None:
    ada = world.person("ada")

    ada.sign_out()

    (call,) = world.service.called("revoke_session")
    assert call["session_id"] == "sid"
    assert claims(call["proof"])["htu"].endswith("/v1/revoke_session")
    assert not ada.whoami().signed_in


def test_a_device_that_was_pending_refreshes_for_its_first_id_token(world: World) -> None:
    ada = world.person("ada")
    assert ada._session.tokens().firebase.custom_token is None

    token = ada._session.id_token()

    custom = ada._session.tokens().firebase.custom_token
    assert token.value == f"id for {custom}"
    assert len(world.service.called("refresh_session")) == 1
    assert ada._session.id_token() == token
    assert len(world.service.called("refresh_session")) == 1


def test_a_service_that_keeps_the_custom_token_back_is_named(world: World) -> None:
    ada = world.person("ada")
    world.service.accounts["ada@example.org"]["statements"] = []

    with pytest.raises(SealpostError) as refused:
        ada._session.id_token()

    assert refused.value.code == "device-not-active"


class TestIdentityToolkit:
    def exchange(
        self, *answers: httpx.Response | Exception, emulator: str | None = None
    ) -> tuple[object, list[httpx.Request], StillWall]:
        left, requests, wall = list(answers), [], StillWall()

        def handle(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        token = sign_in_with_custom_token(
            "custom", api_key="key", emulator=emulator, transport=httpx.MockTransport(handle), wall=wall
        )
        return token, requests, wall

    def good(self) -> httpx.Response:
        return httpx.Response(200, json={"idToken": "id", "expiresIn": "3600"})

    def test_cloud_and_emulator(self) -> None:
        _, (cloud,), _ = self.exchange(self.good())
        _, (emulator,), _ = self.exchange(self.good(), emulator="127.0.0.1:9099")

        assert (
            str(cloud.url)
            == "https://identitytoolkit.googleapis.com/v1/accounts:signInWithCustomToken?key=key"
        )
        assert str(emulator.url).startswith(
            "http://127.0.0.1:9099/identitytoolkit.googleapis.com/v1/accounts:"
        )

    def test_a_lost_answer_is_asked_for_again(self) -> None:
        _, requests, wall = self.exchange(httpx.ReadTimeout("slow"), httpx.Response(503), self.good())

        assert (len(requests), len(wall.slept)) == (3, 2)

    def test_a_refusal_is_not(self) -> None:
        with pytest.raises(NotSignedIn):
            self.exchange(httpx.Response(400, json={"error": {"message": "INVALID_CUSTOM_TOKEN"}}))

    def test_nonsense_is_no_token(self) -> None:
        with pytest.raises(ServiceUnavailable):
            self.exchange(httpx.Response(200, json={"idToken": "id"}))


def test_an_emulator_on_another_computer_is_refused() -> None:
    answer: Json = {
        "custom_token": "c",
        "project": "p",
        "api_key": "k",
        "auth_host": None,
        "firestore_host": "evil.example:80",
    }

    with pytest.raises(ServiceUnavailable):
        Firebase.read(answer)

    assert Firebase.read(answer | {"firestore_host": "127.0.0.1:8080"}).firestore_host == "127.0.0.1:8080"
