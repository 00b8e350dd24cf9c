from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from common.http import Access, Call, json
from common.sessions import Opened
from tests.signing import access_token
from tests.unit.http.world import Empty, code, endless, taking
from tests.unit.sessions.world import KEYS, LAPTOP, SERVICE, World, caller_of

PROVEN = [Access.PROVEN, Access.PROVEN_ACTIVE]
GUARDED = [Access.TOKEN, Access.ACTIVE, *PROVEN]


@dataclass(frozen=True, slots=True)
class Proven:
    proof: str


@pytest.fixture
def world() -> World:
    return World()


async def whoami(call: Call[Any]) -> Response:
    return json({"uid": call.caller.uid, "session": call.caller.session, "device": call.caller.device})


def api(world: World, access: Access) -> httpx.AsyncClient:
    shape = Proven if access in PROVEN else Empty
    return taking(shape, whoami, access=access, gate=world.gate)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def body(world: World, access: Access, opened: Opened, function: str = "order", **changed: Any) -> Any:
    if access not in PROVEN:
        return {}
    return {"proof": world.proof(function, opened.access_token, **changed)}


@pytest.mark.parametrize("access", GUARDED)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_becomes_the_caller(world: World, access: Access, scheme: str) -> None:
    opened = await world.begin()
    response = await api(world, access).post(
        "/v1/order",
        json=body(world, access, opened),
        headers={"authorization": f"{scheme} {opened.access_token}"},
    )
    assert response.json() == {"uid": "alice1", "session": opened.session, "device": opened.device}


@pytest.mark.parametrize("access", GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer token"},
        {"authorization": "Basic YWxpY2U6d29yZA=="},
        {"authorization": b"Bearer \xff\xfe"},
        {"cookie": "authorization=Bearer token"},
    ],
    ids=repr,
)
async def test_without_a_token_nothing_is_read(world: World, access: Access, headers: Any) -> None:
    response = await api(world, access).post("/v1/order", content=endless(), headers=headers)
    assert (response.status_code, code(response)) == (401, "unauthenticated")
    assert "invalid_token" in response.headers["www-authenticate"]


@pytest.mark.parametrize("access", GUARDED)
async def test_a_forged_or_expired_token_is_no_token(world: World, access: Access) -> None:
    opened = await world.begin()
    claims = {"iss": SERVICE, "aud": SERVICE, "sub": "alice1", "sid": opened.session}
    claims |= {"cnf": {"jkt": opened.device}, "iat": int(world.clock.now), "jti": "x"}  # type: ignore[dict-item]
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "current"}
    late = access_token(KEYS.keys["current"], header, claims | {"exp": int(world.clock.now) - 10})
    for token in (late, opened.access_token[:-4] + "AAAA", opened.refresh_token, "custom"):
        response = await api(world, access).post(
            "/v1/order", json=body(world, access, opened), headers=bearer(token)
        )
        assert code(response) == "unauthenticated"


async def test_a_token_alone_asks_no_database(world: World) -> None:
    opened = await world.begin(active=False)
    world.store.sessions.clear()
    response = await api(world, Access.TOKEN).post("/v1/order", json={}, headers=bearer(opened.access_token))
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("access", "expected"), [(Access.ACTIVE, 403), (Access.PROVEN, 200), (Access.PROVEN_ACTIVE, 403)]
)
async def test_a_pending_device(world: World, access: Access, expected: int) -> None:
    opened = await world.begin(active=False)
    response = await api(world, access).post(
        "/v1/order", json=body(world, access, opened), headers=bearer(opened.access_token)
    )
    assert response.status_code == expected
    assert expected == 200 or code(response) == "device-not-active"


@pytest.mark.parametrize("access", [Access.ACTIVE, *PROVEN])
async def test_an_ended_session(world: World, access: Access) -> None:
    opened = await world.begin()
    given = body(world, access, opened)
    await world.admission.end(caller_of(opened), opened.session)
    response = await api(world, access).post("/v1/order", json=given, headers=bearer(opened.access_token))
    assert code(response) == "unauthenticated"


async def test_who_called_is_not_known_where_nobody_asked(world: World) -> None:
    """A function that asks for more than its `access` gives refuses the call."""

    async def keyed(call: Call[Any]) -> Response:
        return json({"key": call.device_key.kid})

    opened = await world.begin()
    with_token = taking(Empty, keyed, access=Access.TOKEN, gate=world.gate)
    response = await with_token.post("/v1/order", json={}, headers=bearer(opened.access_token))
    assert code(response) == "unauthenticated"
    assert code(await taking(Empty, whoami).post("/v1/order", json={})) == "unauthenticated"


def test_a_call_that_proves_itself_has_a_member_for_its_proof(world: World) -> None:
    with pytest.raises(TypeError, match="proof"):
        taking(Empty, whoami, access=Access.PROVEN, gate=world.gate)


@pytest.mark.parametrize("access", PROVEN)
async def test_a_proof_counts_for_one_call(world: World, access: Access) -> None:
    opened = await world.begin()
    given = body(world, access, opened)
    client = api(world, access)
    answers = [
        await client.post("/v1/order", json=given, headers=bearer(opened.access_token)) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert code(answers[1]) == "invalid-proof"


@pytest.mark.parametrize("access", PROVEN)
@pytest.mark.parametrize(
    "changed",
    [
        {"function": "another"},
        {"device": LAPTOP},
        {"htm": "GET"},
        {"aud": "https://evil.example"},
        {"iat": 1_700_000_000},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_proof_of_something_else(world: World, access: Access, changed: dict[str, Any]) -> None:
    opened = await world.begin()
    response = await api(world, access).post(
        "/v1/order",
        json=body(world, access, opened, **changed),
        headers=bearer(opened.access_token),
    )
    assert (response.status_code, code(response)) == (401, "invalid-proof")


async def test_a_call_that_must_be_proven_carries_a_proof(world: World) -> None:
    opened = await world.begin()
    response = await api(world, Access.PROVEN).post("/v1/order", json={}, headers=bearer(opened.access_token))
    assert code(response) == "invalid-request"


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/v1/order", {}, 200),
        ("/v1/order?htu=other", {}, 200),
        ("/v1/order", {"host": "evil.example"}, 200),
        ("/v1/order", {"host": "evil.example/v1/another?"}, 200),
        ("/v1/order", {"x-forwarded-host": "evil.example", "x-original-url": "/v1/another"}, 200),
        ("/v1/order/", {}, 404),
        ("/v1/other", {}, 404),
        ("//v1/order", {}, 404),
        ("/v1/order%3F", {}, 404),
    ],
)
async def test_a_proof_is_for_a_path_of_the_service_whatever_the_host_says(
    world: World, path: str, headers: dict[str, str], expected: int
) -> None:
    opened = await world.begin()
    response = await api(world, Access.PROVEN).post(
        f"{SERVICE}{path}",
        json=body(world, Access.PROVEN, opened),
        headers=headers | bearer(opened.access_token),
    )
    assert response.status_code == expected


async def test_where_anyone_may_call_there_is_no_caller() -> None:
    response = await taking(Empty, whoami).post("/v1/order", json={}, headers=bearer("token"))
    assert code(response) == "unauthenticated"
