"""Cloud Scheduler's calls: a POST with an identity token, possibly twice, never with a body that matters."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from common.errors import Unauthenticated
from common.http.edge import Edge, bearer, framed

Verify = Callable[[str], Awaitable[bool]]
"""Whether a bearer token is the scheduler's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerEdge:
    http: Edge
    verify: Verify


def scheduled(edge: SchedulerEdge) -> Callable[[Callable[[], Awaitable[Response]]], Any]:
    """A function that only the scheduler may call."""

    def decorate(function: Callable[[], Awaitable[Response]]) -> Any:
        async def answer(request: Request) -> Response:
            token = bearer(request)
            if not token or not await edge.verify(token):
                raise Unauthenticated("Only the scheduler may call this function.")
            return await function()

        return framed(edge.http, "POST", function.__name__, answer)

    return decorate
