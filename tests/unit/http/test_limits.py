import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from common.http import Access, Call, get, json, post
from common.http.edge import InFlight
from tests.unit.conftest import Printed
from tests.unit.http.world import Empty, client, code, edge, endless, raising, taking


async def stalled() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def never(_: Call[Any]) -> Response:
    await asyncio.Event().wait()
    return json({})


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_another_method_is_told_the_right_one(method: str) -> None:
    response = await taking().request(method, "/v1/order")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or code(response) == "method-not-allowed"


async def test_a_function_to_get_is_not_posted_to() -> None:
    @get(edge())
    async def order(_: Call[None]) -> Response:
        return json({})

    response = await client(order).post("/v1/order", json={})
    assert (code(response), response.headers["allow"]) == ("method-not-allowed", "GET, HEAD")
    assert (await client(order).get("/v1/order")).status_code == 200
    assert (await client(order).head("/v1/order")).status_code == 200


async def test_a_body_that_announces_too_much_is_not_read() -> None:
    response = await taking(limit=50).post("/v1/order", content=stalled(), headers={"content-length": "51"})
    assert (response.status_code, code(response)) == (413, "payload-too-large")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("announced", ["9" * 18, "9" * 19, "9" * 5000])
async def test_a_body_may_not_announce_more_than_a_number(announced: str) -> None:
    response = await taking(limit=50).post(
        "/v1/order", content=stalled(), headers={"content-length": announced}
    )
    assert code(response) == "payload-too-large"


@pytest.mark.parametrize("headers", [{}, {"content-length": "2"}, {"content-length": "-1"}])
async def test_a_body_that_grows_too_large_is_cut_off(headers: dict[str, str]) -> None:
    response = await taking(limit=50).post("/v1/order", content=endless(b"  "), headers=headers)
    assert code(response) == "payload-too-large"


@pytest.mark.parametrize("announced", [b"\xb2", b"many", b"", b"1e3"])
async def test_a_length_that_is_no_number_announces_nothing(announced: bytes) -> None:
    response = await taking().post("/v1/order", content=b"{}", headers=[(b"content-length", announced)])
    assert response.status_code == 200


async def test_a_body_may_have_its_limit() -> None:
    response = await taking(limit=50).post("/v1/order", content=b"{}" + b" " * 48)
    assert response.status_code == 200
    response = await taking(limit=50).post("/v1/order", content=b"{}" + b" " * 49)
    assert response.status_code == 413


async def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    response = await taking(body_seconds=0.01).post("/v1/order", content=stalled())
    assert (response.status_code, code(response)) == (408, "request-timeout")
    assert response.headers["connection"] == "close"


async def test_a_call_ends_at_its_deadline() -> None:
    response = await taking(answer=never, call_seconds=0.01).post("/v1/order", json={})
    assert (response.status_code, code(response)) == (504, "deadline-exceeded")


async def test_a_slow_body_does_not_outlast_the_call() -> None:
    response = await taking(call_seconds=0.01).post("/v1/order", content=stalled())
    assert response.status_code == 504


@pytest.mark.parametrize(("size", "status"), [(0, 200), (1, 431)])
async def test_header_fields_have_a_limit_together(size: int, status: int) -> None:
    seen: list[int] = []

    async def measure(request: Request) -> Response:
        seen.append(sum(len(name) + len(value) for name, value in request.headers.raw))
        return json({})

    async with client(_named(measure)) as plain:
        await plain.post("/v1/order", json={}, headers={"x-more": ""})
    response = await taking(header_bytes=1000).post(
        "/v1/order", json={}, headers={"x-more": "x" * (1000 - seen[0] + size)}
    )
    assert response.status_code == status
    assert status == 200 or code(response) == "header-fields-too-large"


async def test_many_small_header_fields_count_too() -> None:
    response = await taking().post("/v1/order", json={}, headers=[(f"x-{n}", "y" * 20) for n in range(900)])
    assert response.status_code == 431


def _named(function: Any) -> Any:
    function.__name__ = "order"
    return function


async def test_past_its_limit_a_process_refuses_and_says_when_to_come_back() -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Call[Any]) -> Response:
        inside.set()
        await go_on.wait()
        return json({})

    async with taking(answer=wait, in_flight=InFlight(most=1)) as api:
        first = asyncio.create_task(api.post("/v1/order", json={}))
        await inside.wait()
        refused = await api.post("/v1/order", json={})
        assert (refused.status_code, code(refused)) == (503, "unavailable")
        assert refused.headers["retry-after"] == "1"
        go_on.set()
        assert (await first).status_code == 200
        assert (await api.post("/v1/order", json={})).status_code == 200


@pytest.mark.parametrize("error", [ValueError(), asyncio.CancelledError()], ids=["fault", "cancelled"])
async def test_a_call_that_fails_makes_room(error: BaseException) -> None:
    in_flight = InFlight(most=1)
    async with raising(error, in_flight=in_flight) as api:
        for _ in range(2):
            try:
                assert (await api.post("/v1/order", json={})).status_code == 500
            except asyncio.CancelledError:
                assert isinstance(error, asyncio.CancelledError)
    assert in_flight.now == 0


async def test_all_functions_of_a_process_share_its_limit() -> None:
    in_flight = InFlight(most=0)
    for api in (taking(in_flight=in_flight), raising(ValueError(), in_flight=in_flight)):
        assert (await api.post("/v1/order", json={})).status_code == 503


async def test_a_client_that_leaves_is_let_go_quietly(printed: Printed) -> None:
    @post(edge(), Empty)
    async def order(_: Call[Empty]) -> Response:
        return json({})

    async def leave() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/v1/order", "headers": [], "query_string": b""}
    response = await order(Request(scope, leave))
    assert response.status_code == 499
    assert [line["status"] for line in printed.lines] == [499]


async def test_nobody_reads_the_body_of_a_call_that_is_refused_anyway() -> None:
    response = await taking().put("/v1/order", content=stalled())
    assert response.status_code == 405


def test_an_edge_that_cannot_tell_who_calls_guards_nothing() -> None:
    for access in (Access.TOKEN, Access.ACTIVE, Access.PROVEN):
        with pytest.raises(TypeError, match="guarded"):
            taking(access=access)


async def test_the_framework_answers_only_methods_that_nobody_uses() -> None:
    response = await taking().request("BREW", "/v1/order")
    assert response.status_code == 405
    assert isinstance(response, httpx.Response)
