"""One function behind the edge, served by functions-framework as it would be in the cloud."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import httpx
from functions_framework.aio import create_asgi_app_from_module
from starlette.responses import Response

from common.http import Access, Call, Edge, json, post

SERVICE = "https://api.sealpost.example"
PEER = "192.0.2.9"

Answer = Callable[[Call[Any]], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Item:
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Order:
    title: str
    note: str | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Empty:
    pass


def edge(*, trusted_proxies: int = 0, **changed: Any) -> Edge:
    return Edge(service_url=SERVICE, trusted_proxies=trusted_proxies, **changed)


def client(handler: Any) -> httpx.AsyncClient:
    """A client of the function `handler`, which edges have made."""
    module = ModuleType("main")
    setattr(module, handler.__name__, handler)
    app = create_asgi_app_from_module(handler.__name__, "", "http", module, None)
    transport = httpx.ASGITransport(app, client=(PEER, 4711))
    return httpx.AsyncClient(transport=transport, base_url=SERVICE)


def taking(
    shape: type[Any] = Empty,
    answer: Answer | None = None,
    *,
    access: Access = Access.ANYONE,
    limit: int = 1000,
    **changed: Any,
) -> httpx.AsyncClient:
    """A client of a POST function that takes `shape` and answers with `answer`."""

    @post(edge(**changed), shape, access=access, limit=limit)
    async def order(call: Call[Any]) -> Response:
        return await answer(call) if answer else json({"body": repr(call.body), "network": call.network})

    return client(order)


def raising(error: BaseException, **changed: Any) -> httpx.AsyncClient:
    async def answer(_: Call[Any]) -> Response:
        raise error

    return taking(answer=answer, **changed)


async def endless(chunk: bytes = b"x" * 100) -> AsyncIterator[bytes]:
    while True:
        yield chunk


def code(response: httpx.Response) -> str:
    """The problem's code, once its document has the form of RFC 9457."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    document = response.json()
    assert document["status"] == response.status_code
    assert document["title"]
    assert document["request_id"] == response.headers["x-request-id"]
    prefix, _, found = document["type"].rpartition(":")
    assert prefix == "urn:sealpost:problem"
    return str(found)
