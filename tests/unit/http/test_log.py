"""One line for each request, and nothing in it that a person wrote or holds."""

from typing import Any

import pytest
from starlette.requests import Request

from common.errors import Unavailable
from common.http import Access, Call
from tests.unit.conftest import Printed
from tests.unit.http.world import Order, taking
from tests.unit.sessions.world import World

TRACE = "0af7651916cd43dd8448eb211c80319c"
CANARIES = {
    "authorization": "Bearer canary",
    "cookie": "canary",
    "user-agent": "canary",
    "referer": "https://canary.example",
    "x-forwarded-for": "203.0.113.77",
    "x-canary": "canary",
    "traceparent": "00-canary-b7ad6b7169203331-01",
}
BODY = {"title": "canary", "note": "canary", "items": [{"name": "canary", "size": 1}]}


async def fail(call: Call[Any]) -> Any:
    raise ValueError(call.body, call.network, call.target)


async def be_unavailable(call: Call[Any]) -> Any:
    raise Unavailable(f"{call.body}", canary=str(call.body))


OUTCOMES: dict[str, tuple[int, dict[str, Any], Any]] = {
    "answered": (200, {}, BODY),
    "refused for its body": (400, {}, BODY | {"canary": "canary"}),
    "not signed in": (401, {"access": Access.ACTIVE, "gate": World().gate}, BODY),
    "too large": (413, {"limit": 10}, BODY),
    "headers too large": (431, {"header_bytes": 10}, BODY),
    "unforeseen": (500, {"answer": fail}, BODY),
    "unavailable": (503, {"answer": be_unavailable}, BODY),
}


@pytest.mark.parametrize(("status", "settings", "body"), OUTCOMES.values(), ids=OUTCOMES.keys())
async def test_a_request_leaves_one_line_without_anything_of_it(
    printed: Printed, status: int, settings: dict[str, Any], body: Any
) -> None:
    response = await taking(Order, **settings).post("/v1/order?canary=canary", json=body, headers=CANARIES)
    assert response.status_code == status
    (line,) = (line for line in printed.lines if "status" in line)
    assert line.keys() - {"problem"} == {
        *("severity", "message", "function", "status", "duration_ms", "method", "request_id")
    }
    assert (line["function"], line["method"], line["status"]) == ("order", "POST", status)
    assert line["severity"] == ("ERROR" if status >= 500 else "INFO")
    assert line["request_id"] == response.headers["x-request-id"]
    assert len(printed.lines) == (2 if status == 500 else 1)
    text = "".join(printed.text)
    for secret in ("canary", "203.0.113", "192.0.2"):
        assert secret not in text


async def test_a_trace_is_logged_if_it_is_one(printed: Printed) -> None:
    for header in (
        f"00-{TRACE}-b7ad6b7169203331-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"00-{TRACE}",
        "canary",
        "00-" + "\u00e9" * 32 + "-1-1",
    ):
        await taking().post("/v1/order", json={}, headers=[(b"traceparent", header.encode("latin-1"))])
    assert [line.get("trace") for line in printed.lines] == [TRACE, None, None, None, None]


async def test_a_method_that_nobody_knows_is_not_repeated(printed: Printed) -> None:
    from common.http import get, json
    from tests.unit.http.world import edge

    @get(edge())
    async def order(_: Call[None]) -> Any:
        return json({})

    scope = {"type": "http", "method": "CANARY", "path": "/v1/order", "headers": [], "query_string": b"\xff"}
    response = await order(Request(scope))
    assert response.status_code == 405
    assert [line["method"] for line in printed.lines] == ["other"]
