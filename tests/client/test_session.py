"""Tokens are renewed in time, once, and never in a way that ends the session."""

from email.utils import formatdate

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import NotSignedIn, SealpostError, ServiceProblem, ServiceUnavailable, Unsafe
from sealpost.identity import sign_in_with_custom_token
from sealpost.session import Firebase
from tests.client.fakes import CODE, Json, StillWall, World, claims, problem, replace_keys


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


def test_a_proof_that_our_clock_spoilt_is_made_again_by_the_services_time(world: World) -> None:
    ada = world.person("ada")
    world.wall.ahead = 900

    def spoilt(_body: Json) -> httpx.Response | None:
        if len(world.service.called("refresh_session")) > 1:
            return None
        date = formatdate(world.wall.time() - 7200, usegmt=True)
        return problem(401, "invalid-proof", headers={"Date": date})

    world.service.before["refresh_session"] = spoilt

    ada._session.call("find_keys", {"accounts": [], "conversations": []})

    first, second = (claims(body["proof"])["iat"] for body in world.service.called("refresh_session"))
    assert abs(first - second - 7200) < 60


def test_a_proof_that_is_refused_by_a_right_clock_is_not_kept(world: World) -> None:
    ada = world.person("ada")
    world.wall.ahead = 900
    world.service.before["refresh_session"] = lambda _body: problem(401, "invalid-proof")
    with pytest.raises(ServiceProblem) as refused:
        ada._session.call("find_keys", {"accounts": [], "conversations": []})
    assert refused.value.code == "invalid-proof"
    world.service.before.clear()

    ada._session.call("find_keys", {"accounts": [], "conversations": []})

    first, second = world.service.called("refresh_session")
    assert first["refresh_token"] == second["refresh_token"]
    assert first["proof"] != second["proof"]


def test_another_refusal_renews_nothing(world: World) -> None:
    ada = world.person("ada")
    world.service.before["find_keys"] = lambda _body: problem(403, "blocked")

    with pytest.raises(ServiceProblem) as refused:
        ada._session.call("find_keys", {"accounts": [], "conversations": []})

    assert refused.value.code == "blocked"
    assert world.service.called("refresh_session") == []


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


def test_a_refusal_after_a_good_refresh_ends_no_session(world: World) -> None:
    ada = world.person("ada")
    world.service.before["find_keys"] = lambda _body: problem(401, "unauthenticated")

    with pytest.raises(ServiceProblem):
        ada.send("bob@example.org", "hello")

    assert len(world.service.called("refresh_session")) == 1
    assert ada.whoami().signed_in


def test_a_statement_in_ones_own_chain_that_is_not_ones_own_is_told_and_stops_sending(
    world: World, bob: Account
) -> None:
    ada = world.person("ada")
    replace_keys(world, "ada")
    world.wall.ahead = 900
    assert world.alarms == []

    assert ada.inbox() == []
    ada._session.id_token()

    assert world.alarms == ["key-change"]
    with pytest.raises(Unsafe) as stopped:
        ada.send("bob@example.org", "hello")
    assert stopped.value.code == "key-change"
    with world.reopened("ada") as again:
        again.inbox()
        list(again.listen(timeout=0))
    assert world.alarms == ["key-change"] * 3


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


def test_a_sign_out_whose_answer_was_lost_is_one(world: World) -> None:
    """The repetition finds the session ended, and so does the refresh."""
    ada = world.person("ada")

    def ended(_body: Json) -> httpx.Response | None:
        return problem(401, "unauthenticated") if len(world.service.called("revoke_session")) > 1 else None

    world.service.before["revoke_session"] = ended
    world.service.before["refresh_session"] = lambda _body: problem(401, "unauthenticated")
    world.service.lose["revoke_session"] = 1

    ada.sign_out()

    assert len(world.service.called("revoke_session")) == 2
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


def test_an_id_token_lasts_until_shortly_before_its_end(world: World) -> None:
    with world.person("ada"):
        pass
    with world.reopened("ada") as ada:
        ada.sign_in(CODE)
        first = ada._session.id_token()
        assert world.service.called("refresh_session") == []
        world.wall.ahead = 3600 - 301
        assert ada._session.id_token() == first

        world.wall.ahead = 3600 - 299

        assert ada._session.id_token().value != first.value
        assert len(world.service.called("refresh_session")) == 1


def test_a_custom_token_too_old_to_redeem_is_replaced_first(world: World) -> None:
    with world.person("ada") as ada:
        ada.sign_in(CODE)
        old = ada._session.tokens().firebase.custom_token
        world.wall.ahead = 3301

        token = ada._session.id_token()

    assert token.value != f"id for {old}"
    assert len(world.service.called("refresh_session")) == 1


@pytest.mark.parametrize("code", ["blocked", "rate-limited"])
def test_a_refused_refresh_ends_no_session_and_keeps_its_proof(world: World, code: str) -> None:
    ada = world.person("ada")
    world.wall.ahead = 900
    world.service.before["refresh_session"] = lambda _body: problem(403, code)
    with pytest.raises(ServiceProblem):
        ada._session.call("find_keys", {"accounts": [], "conversations": []})
    world.service.before.clear()

    ada._session.call("find_keys", {"accounts": [], "conversations": []})

    refreshes = world.service.called("refresh_session")
    assert all(one == refreshes[0] for one in refreshes)


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

    @pytest.mark.parametrize(
        "answer",
        [
            {"json": {"idToken": "id"}},
            {"json": {"idToken": "id", "expiresIn": "0"}},
            {"json": {"idToken": "a\r\nb", "expiresIn": "3600"}},
            {"json": []},
            {},
        ],
    )
    def test_nonsense_is_no_token(self, answer: Json) -> None:
        with pytest.raises(ServiceUnavailable) as refused:
            self.exchange(
                httpx.Response(200, **answer) if "json" in answer else httpx.DecodingError("garbled")
            )

        assert refused.value.code == "bad-answer"

    def test_an_outage_names_the_host_after_the_last_try(self) -> None:
        with pytest.raises(ServiceUnavailable, match=r"identitytoolkit\.googleapis\.com cannot be reached"):
            self.exchange(httpx.ConnectError("no"), httpx.Response(429), httpx.Response(500))


FIREBASE: Json = {
    "custom_token": "c",
    "project": "p",
    "database": "(default)",
    "api_key": "k",
    "auth_host": None,
    "firestore_host": "127.0.0.1:8080",
}


def test_a_service_on_this_computer_may_name_emulators() -> None:
    read = Firebase.read(FIREBASE, service_url="http://127.0.0.1:8000")

    assert read.firestore_host == "127.0.0.1:8080"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8000", "evil.example:80"),
        ("https://sealpost.example", "127.0.0.1:8080"),
        ("https://127.0.0.1:8000", "127.0.0.1:8080"),
    ],
)
def test_an_emulator_elsewhere_or_of_a_service_on_the_net_is_refused(url: str, host: str) -> None:
    with pytest.raises(ServiceUnavailable):
        Firebase.read(FIREBASE | {"firestore_host": host}, service_url=url)


@pytest.mark.parametrize(
    "changed",
    [
        {"uid": "x\x1b]0;owned\x07"},
        {"uid": None},
        {"uid": 5},
        {"session_id": None},
        {"session_id": "../x"},
        {"access_token": "a\r\nb"},
        {"access_token": "\u00fc"},
        {"refresh_token": 5},
        {"expires_in": "900"},
        {"expires_in": -1},
        {"expires_in": 1e300},
        {"firebase": None},
        {"firebase": []},
        {"firebase": FIREBASE | {"project": 5}},
        {"firebase": FIREBASE | {"database": "(default)/documents"}},
    ],
)
def test_an_answer_of_another_shape_begins_no_session(world: World, changed: Json) -> None:
    real = world.service.create_session

    def odd(body: Json, token: str) -> httpx.Response:
        return httpx.Response(200, json=real(body, token).json() | changed)

    world.service.create_session = odd  # type: ignore[method-assign,assignment]

    with pytest.raises(ServiceUnavailable) as refused:
        world.person("ada")

    assert refused.value.code == "bad-answer"
    with world.reopened("ada") as ada:
        assert (ada.whoami().uid, ada.whoami().signed_in) == (None, False)
