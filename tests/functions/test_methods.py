"""What is no call of a function at all: the wrong method or path, or not even HTTP."""

import pytest

from tests.functions.arena import Arena, calls
from tests.functions.calls import CALLS, FUNCTIONS
from tests.functions.exchange import Ask, Connection
from tests.functions.refusals import refused

ROUTED = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""Those that functions-framework passes on to a function."""
OTHERS = {"TRACE", "CONNECT", "PROPFIND", "M-SEARCH", "LINK"}

every_function = pytest.mark.parametrize("name", CALLS)


@every_function
def test_another_method_is_told_the_right_one(arena: Arena, name: str) -> None:
    allowed = {"GET", "HEAD"} if FUNCTIONS[name].method == "GET" else {"POST"}
    with arena.untouched():
        for method in sorted((ROUTED | OTHERS) - allowed):
            good = CALLS[name](arena)
            ask = Ask(method, good.path, good.headers, good.body)
            if method == "HEAD":
                answer = arena.ask(ask)
                assert (answer.status, answer.body) == (405, b"")
            else:
                answer = refused(arena, ask, 405, "method-not-allowed", method)
            assert set(answer.headers["allow"].split(", ")) == allowed


@every_function
def test_the_log_repeats_no_method_that_a_caller_made_up(arena: Arena, name: str) -> None:
    with arena.logged() as lines:
        arena.ask(Ask("PROPFIND", f"/v1/{name}"))
        arena.ask(Ask("PUT", f"/v1/{name}"))
    assert [(line["function"], line["method"]) for line in calls(lines)] == [(name, "other"), (name, "PUT")]


@every_function
def test_a_path_that_is_almost_right_is_none(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    almost = (
        *(f"/v1/{name}/", f"//v1/{name}", f"/v1/{name}/x", f"/v2/{name}", f"/V1/{name}"),
        *(f"/v1/{name}%3f", f"/{name}", f"/v1/x/../{name}", f"/v1/{name}%00"),
    )
    with arena.untouched():
        for path in almost:
            refused(arena, Ask(good.method, path, good.headers, good.body), 404, "not-found", path)


@pytest.mark.parametrize(
    "path", ["/", "/robots.txt", "/favicon.ico", "/v1/on_message_created", "/docs", "/health/", "*"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE"])
def test_elsewhere_there_is_nothing(arena: Arena, method: str, path: str) -> None:
    refused(arena, Ask(method, path), 404, "not-found")


def test_the_health_of_the_suite_is_there_to_be_read(arena: Arena) -> None:
    with arena.logged() as lines, Connection(arena.port) as connection:
        connection.write(bytes(Ask("GET", "/health")))
        assert connection.answer().body == b"ok\n"
    assert lines == [], "probes come every few seconds"
    answer = refused(arena, Ask("POST", "/health"), 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD"


_SIGN_UP = b"POST /v1/sign_up HTTP/1.1\r\n"
NOT_HTTP = {
    "words": b"hello there\r\n\r\n",
    "a method that nobody has": b"BREW /v1/jwks HTTP/1.1\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "a path that is not ASCII": b"GET /v1/\xff HTTP/1.1\r\n\r\n",
    "another host to connect to": b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n",
    "a length below zero": _SIGN_UP + b"Content-Length: -1\r\n\r\n",
    "a length that is no number": _SIGN_UP + b"Content-Length: x\r\n\r\n",
    "two lengths": _SIGN_UP + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a length and chunks": _SIGN_UP + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a header without a name": b"GET /v1/jwks HTTP/1.1\r\n: x\r\n\r\n",
    "a header that holds a zero": b"GET /v1/jwks HTTP/1.1\r\nX: a\0b\r\n\r\n",
}


@pytest.mark.parametrize("raw", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_no_request_is_refused_in_the_same_form(arena: Arena, raw: bytes) -> None:
    with arena.untouched():
        answer = refused(arena, raw, 400, "invalid-request")
    assert answer.headers["connection"] == "close"


def test_chunks_that_are_none_end_the_call(arena: Arena) -> None:
    head = bytes(Ask("POST", "/v1/sign_up", {"Transfer-Encoding": "chunked"}))
    with arena.untouched(), arena.logged() as lines:
        with Connection(arena.port) as connection:
            connection.write(head + b"zz\r\n")
            with pytest.raises(ConnectionResetError):
                connection.answer()
        arena.settle()
    assert [(line["function"], line["status"]) for line in lines] == [("sign_up", 499)]


def test_an_upgrade_is_not_taken_up(arena: Arena) -> None:
    with arena.logged() as lines:
        for protocol in ("websocket", "h2c"):
            asked = {"Connection": "upgrade, close", "Upgrade": protocol, "Sec-WebSocket-Version": "13"}
            assert arena.ask(CALLS["jwks"](arena).with_headers(asked)).status == 200
    assert len(lines) == 2
