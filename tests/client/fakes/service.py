"""The service's functions, called by HTTP."""

import json

import httpx

from tests.client.fakes.backups import Backups
from tests.client.fakes.keys import Keys
from tests.client.fakes.messages import Messages
from tests.client.fakes.overview import Overview
from tests.client.fakes.sessions import Sessions
from tests.client.fakes.wire import Json, problem


class FakeService(Sessions, Overview, Backups, Keys, Messages):
    """A module for each kind of function; a function is the method of its name."""

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def identity(self) -> httpx.MockTransport:
        """Identity Toolkit: an ID token of an hour for a custom token."""

        def sign_in(request: httpx.Request) -> httpx.Response:
            token = json.loads(request.content)["token"]
            return httpx.Response(200, json={"idToken": f"id for {token}", "expiresIn": "3600"})

        return httpx.MockTransport(sign_in)

    def called(self, function: str) -> list[Json]:
        return [body for name, body in self.calls if name == function]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        function = request.url.path.removeprefix("/v1/")
        body = json.loads(request.content)
        self.calls.append((function, body))
        answer = self.before[function](body) if function in self.before else None
        if answer is None:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            answer = (
                problem(401, "unauthenticated")
                if self._is_ended(token)
                else getattr(self, function)(body, token)
            )
        if self.lose.get(function, 0):
            self.lose[function] -= 1
            raise httpx.ReadError("the connection broke")
        assert isinstance(answer, httpx.Response)
        return answer

    def _is_ended(self, token: str) -> bool:
        """Whether the device of an access token was removed."""
        if not token:
            return False
        _, email, _, device = token.split(" ")
        return device in self.accounts[email]["ended"]
