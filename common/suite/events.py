"""Firestore's calls where the suite is open to everybody: taken with the identity token of who brings them."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from common.errors import SealpostError, Unauthenticated
from common.events.schedule import Verify
from common.http.edge import bearer, refuse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Identified:
    """An app that is called with a valid token alone."""

    name: str
    app: App
    verify: Verify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await self._refusal(scope) or self.app
        await app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> App | None:
        token = bearer(Request(scope))
        try:
            if not token or not await self.verify(token):
                raise Unauthenticated("Only Firestore may call this function.")
        except SealpostError as error:
            return refuse(self.name, scope["method"], error)
        return None
