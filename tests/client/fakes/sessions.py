"""Sign-up and sessions."""

import httpx

from tests.client.fakes.store import Store
from tests.client.fakes.wire import Json, head_of, problem


class Sessions(Store):
    def sign_up(self, body: Json, _token: str) -> httpx.Response:
        self.accounts.setdefault(
            body["email"],
            {"uid": f"uid{len(self.accounts)}", "statements": [], "key": None, "other_keys": {}},
        )
        return httpx.Response(202, json={})

    def create_session(self, body: Json, _token: str) -> httpx.Response:
        device = body["device"]["kid"]
        return self._tokens(self.accounts[body["email"]], body["email"], device, session_id="sid")

    def refresh_session(self, body: Json, _token: str) -> httpx.Response:
        _, email, _, device = body["refresh_token"].split(" ")
        if self.accounts[email].get("all_ended"):
            return problem(401, "unauthenticated")
        return self._tokens(self.accounts[email], email, device, session_id="sid")

    def _tokens(self, account: Json, email: str, device: str, *, session_id: str) -> httpx.Response:
        count = len(self.calls)
        return httpx.Response(
            200,
            json={
                "uid": account["uid"],
                "session_id": session_id,
                "device": {"id": "d", "state": "active" if account["statements"] else "pending"},
                "head": head_of(account),
                "access_token": f"access {email} {count} {device}",
                "expires_in": 900,
                "refresh_token": f"refresh {email} {count} {device}",
                "firebase": {
                    "custom_token": f"custom {count}" if account["statements"] else None,
                    "project": "p",
                    "api_key": "k",
                    "auth_host": None,
                    "firestore_host": None,
                },
            },
        )
