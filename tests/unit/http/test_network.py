from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from common.http import Call, get, json
from tests.unit.http.world import client, edge

PEER_NETWORK = "192.0.2.0/24"


async def seen(forwarded: list[str], *, proxies: int) -> Any:
    @get(edge(trusted_proxies=proxies))
    async def order(call: Call[None]) -> Response:
        return json({"network": call.network})

    headers = [("x-forwarded-for", line) for line in forwarded]
    return (await client(order).get("/v1/order", headers=headers)).json()["network"]


CASES: list[tuple[int, list[str], str]] = [
    (0, [], PEER_NETWORK),
    (0, ["198.51.100.7"], PEER_NETWORK),
    (0, ["198.51.100.7, 203.0.113.7"], PEER_NETWORK),
    (1, ["198.51.100.7"], "198.51.100.0/24"),
    (1, ["203.0.113.7, 198.51.100.7"], "198.51.100.0/24"),
    (1, ["203.0.113.7", "198.51.100.7"], "198.51.100.0/24"),
    (1, ["203.0.113.7 ,\t198.51.100.7 "], "198.51.100.0/24"),
    (1, ["garbage, 198.51.100.7"], "198.51.100.0/24"),
    (1, ["2001:db8:1:2::3"], "2001:db8:1::/48"),
    (1, ["198.51.100.7, garbage"], "unknown"),
    (1, ["198.51.100.7,"], "unknown"),
    (1, [""], "unknown"),
    (1, [], "unknown"),
    (2, ["198.51.100.7, 203.0.113.7"], "198.51.100.0/24"),
    (2, ["192.0.2.1, 198.51.100.7, 203.0.113.7"], "198.51.100.0/24"),
    (2, ["192.0.2.1", "198.51.100.7", "203.0.113.7"], "198.51.100.0/24"),
    (2, ["203.0.113.7"], "unknown"),
    (2, [], "unknown"),
]


@pytest.mark.parametrize(("proxies", "forwarded", "expected"), CASES)
async def test_only_what_trusted_proxies_appended_counts(
    proxies: int, forwarded: list[str], expected: str
) -> None:
    assert await seen(forwarded, proxies=proxies) == expected


async def test_a_peer_without_an_address_is_unknown() -> None:
    found: list[str] = []

    @get(edge())
    async def order(call: Call[None]) -> Response:
        found.append(call.network)
        return json({})

    scope = {"type": "http", "method": "GET", "path": "/v1/order", "headers": [], "query_string": b"\xff"}
    await order(Request(scope))
    assert found == ["unknown"]
