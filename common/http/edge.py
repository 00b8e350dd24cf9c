"""What happens around every HTTP function, in this order: limits, method, caller, body, the function, one log line."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from secrets import token_hex
from typing import Generic, TypeVar, cast, get_type_hints

import functions_framework.aio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from common.clock import deadline
from common.errors import NotFound, SealpostError, Unauthenticated, Unavailable
from common.http.body import decoder, read_body, require_small
from common.http.problems import HeadersTooLarge, method_not_allowed, problem_of, problem_response
from common.identity import Caller, network
from common.jose import RsaKey
from common.sessions import Gate, Target
from common.telemetry import log_call, log_fault

B = TypeVar("B")
Handler = Callable[[Request], Awaitable[Response]]

_KIB = 1024
CLIENT_CLOSED_REQUEST = 499
"""What the log says of a client that left."""
_PROOF = "proof"
_UNREAD = 32 * _KIB
"""The largest body that a function which reads none lets itself be told of."""

HEALTH = "/health"
"""Where a process says that it lives, to GET and HEAD, without a line in the log."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Those that functions-framework passes on to a function."""


class Access(Enum):
    """Who may call."""

    ANYONE = auto()
    TOKEN = auto()
    """The bearer of a valid access token; the function itself asks whether its session is alive."""
    ACTIVE = auto()
    """Whose session is alive and whose device is active."""
    PROVEN = auto()
    """Whose session is alive and whose device signed a proof of this very call (the body's `proof`)."""
    PROVEN_ACTIVE = auto()
    """Both."""


_PROVEN = frozenset((Access.PROVEN, Access.PROVEN_ACTIVE))
"""Calls that carry a proof."""


@dataclass(slots=True)
class InFlight:
    """How many calls this process is in. Past `most` it refuses, so that those it has taken finish in time."""

    most: int = 200
    now: int = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        if self.now >= self.most:
            raise Unavailable("Too many calls at once. Try again in a moment.")
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What all HTTP functions of a deployment share."""

    service_url: str
    trusted_proxies: int
    gate: Gate | None = None
    in_flight: InFlight = field(default_factory=InFlight)
    call_seconds: float = 15.0
    body_seconds: float = 10.0
    header_bytes: int = 16 * _KIB


@dataclass(frozen=True, slots=True)
class Call(Generic[B]):
    """One call, decoded."""

    body: B
    target: Target
    find_network: Callable[[], str]
    maybe_caller: Caller | None = None
    maybe_device_key: RsaKey | None = None

    @property
    def network(self) -> str:
        """The /24 or /48 of the client: for rate limits alone, never stored or logged."""
        return self.find_network()

    @property
    def caller(self) -> Caller:
        """Who calls, unless anyone may."""
        if self.maybe_caller is None:
            raise Unauthenticated("This call needs an access token.")
        return self.maybe_caller

    @property
    def device_key(self) -> RsaKey:
        """The signing key of the caller's device, where access is ACTIVE, PROVEN or both."""
        if self.maybe_device_key is None:
            raise Unauthenticated("This call needs a device that is known.")
        return self.maybe_device_key


def post(
    edge: Edge, shape: type[B], *, access: Access = Access.ANYONE, limit: int = 32 * _KIB
) -> Callable[[Callable[[Call[B]], Awaitable[Response]]], Handler]:
    """An HTTP function that takes a JSON body of `shape`, `limit` bytes at most."""
    decode = decoder(shape)
    if access is not Access.ANYONE and edge.gate is None:
        raise TypeError("Only a guarded edge can tell who calls.")
    if access in _PROVEN and _PROOF not in get_type_hints(shape):
        raise TypeError("A call that proves itself carries its proof.")

    def decorate(function: Callable[[Call[B]], Awaitable[Response]]) -> Handler:
        async def answer(request: Request) -> Response:
            caller, token = _caller(edge, request, access)
            body = decode(await read_body(request, limit=limit, seconds=edge.body_seconds))
            target, device_key = _target(edge, "POST", function.__name__), None
            if edge.gate and caller and access is Access.ACTIVE:
                device_key = await edge.gate.require_active(caller)
            if edge.gate and caller and access in _PROVEN:
                proof: str = getattr(body, _PROOF)
                active = access is Access.PROVEN_ACTIVE
                device_key = await edge.gate.require_proof(caller, proof, target, token=token, active=active)
            return await function(Call(body, target, partial(_network, edge, request), caller, device_key))

        return framed(edge, "POST", function.__name__, answer, limit=limit)

    return decorate


def get(edge: Edge) -> Callable[[Callable[[Call[None]], Awaitable[Response]]], Handler]:
    """An HTTP function that anyone may GET."""

    def decorate(function: Callable[[Call[None]], Awaitable[Response]]) -> Handler:
        async def answer(request: Request) -> Response:
            target = _target(edge, "GET", function.__name__)
            return await function(Call(None, target, partial(_network, edge, request)))

        return framed(edge, "GET", function.__name__, answer)

    return decorate


def framed(edge: Edge, method: str, name: str, answer: Handler, *, limit: int = _UNREAD) -> Handler:
    """Put limits, errors and the log line around `answer`, and register it with functions-framework as `name`."""

    async def function(request: Request) -> Response:
        if request.scope["path"] == HEALTH and request.method in {"GET", "HEAD"}:
            return healthy()
        began, request_id = time.monotonic(), token_hex(16)
        code = None
        try:
            with edge.in_flight.one():
                async with deadline(edge.call_seconds):
                    _require_small_headers(edge, request)
                    _require_route(name, request)
                    _require_method(method, request)
                    require_small(request, limit)
                    response = await answer(request)
        except ClientDisconnect:
            response = Response(status_code=CLIENT_CLOSED_REQUEST)
        except SealpostError as error:
            code = problem_of(error).code
            response = problem_response(error, request_id)
        except Exception as error:  # noqa: BLE001 - the last line of defence: nothing of it reaches the caller
            log_fault(name, error)
            code = problem_of(error).code
            response = problem_response(error, request_id)
        response.headers["x-request-id"] = request_id
        log_call(
            name,
            method=_known(request.method),
            status=response.status_code,
            problem=code,
            seconds=time.monotonic() - began,
            request_id=request_id,
            trace=_trace(request),
        )
        return response

    function.__name__ = name
    return cast("Handler", functions_framework.aio.http(function))


def healthy() -> Response:
    return PlainTextResponse("ok\n")


def refuse(name: str, method: str, error: SealpostError) -> Response:
    """The answer to what never reached a function, with its log line, in which `name` stands for the function."""
    request_id = token_hex(16)
    problem = problem_of(error)
    log_call(
        name,
        method=_known(method),
        status=problem.status,
        problem=problem.code,
        seconds=0.0,
        request_id=request_id,
    )
    return problem_response(error, request_id)


def _known(method: str) -> str:
    """For the log, which repeats nothing that a caller made up."""
    return method if method in METHODS else "other"


def _require_small_headers(edge: Edge, request: Request) -> None:
    if sum(len(name) + len(value) for name, value in request.headers.raw) > edge.header_bytes:
        raise HeadersTooLarge(f"The header fields may have {edge.header_bytes} bytes at most.")


def _route(name: str) -> str:
    return f"/v1/{name}"


def _require_route(name: str, request: Request) -> None:
    """A function that is deployed alone gets every path; it answers on its own as it would in the suite."""
    if request.scope["path"] != _route(name):
        raise NotFound("There is nothing at this path.")


def _require_method(method: str, request: Request) -> None:
    allowed = ("GET", "HEAD") if method == "GET" else (method,)
    if request.method not in allowed:
        raise method_not_allowed(allowed)


def _caller(edge: Edge, request: Request, access: Access) -> tuple[Caller | None, str]:
    if edge.gate is None or access is Access.ANYONE:
        return None, ""
    token = bearer(request)
    if not token:
        raise Unauthenticated("Send the access token: Authorization: Bearer <token>.")
    return edge.gate.caller(token), token


def bearer(request: Request) -> str:
    """The token of `Authorization: Bearer` (RFC 6750, section 2.1), or nothing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _target(edge: Edge, method: str, name: str) -> Target:
    return Target(audience=edge.service_url, method=method, url=edge.service_url + _route(name))


def _network(edge: Edge, request: Request) -> str:
    """Each trusted proxy appends the address it was called from; what stands further left anyone may have written."""
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    if edge.trusted_proxies:
        return network(hops[-edge.trusted_proxies] if len(hops) >= edge.trusted_proxies else "")
    return network(request.client.host if request.client else "")


def _trace(request: Request) -> str | None:
    """The trace id of a W3C traceparent (https://www.w3.org/TR/trace-context/), if it is one."""
    parts = request.headers.get("traceparent", "").split("-")
    is_trace = len(parts) == 4 and len(parts[1]) == 32 and set(parts[1]) <= set("0123456789abcdef")  # noqa: PLR2004
    return parts[1] if is_trace else None
