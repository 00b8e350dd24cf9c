"""Sign-up and sessions."""

import httpx

from tests.client.fakes.restores import Restores
from tests.client.fakes.wire import Json, claims, head_of, problem


class Sessions(Restores):
    def sign_up(self, body: Json, _token: str) -> httpx.Response:
        self.accounts.setdefault(
            body["email"],
            {
                "uid": f"uid{len(self.accounts)}",
                "statements": [],
                "key": None,
                "other_keys": {},
                "pending": set(),
                "ended": set(),
            },
        )
        return httpx.Response(202, json={})

    def create_session(self, body: Json, _token: str) -> httpx.Response:
        account, device = self.accounts[body["email"]], body["device"]["kid"]
        keys = [account["key"], *account["other_keys"].values()]
        known = {claims(one)["device"] for one in keys if one is not None}
        if account["statements"] and device not in known | account["ended"]:
            account["pending"].add(device)
        return self._tokens(account, body["email"], device, session_id="sid")

    def refresh_session(self, body: Json, _token: str) -> httpx.Response:
        _, email, _, device = body["refresh_token"].split(" ")
        account = self.accounts[email]
        if account.get("all_ended") or device in account["ended"]:
            return problem(401, "unauthenticated")
        return self._tokens(self.accounts[email], email, device, session_id="sid")

    def _tokens(self, account: Json, email: str, device: str, *, session_id: str) -> httpx.Response:
        count, state = len(self.calls), self.state_of(account, device)
        return httpx.Response(
            200,
            json={
                "uid": account["uid"],
                "session_id": session_id,
                "device": {"id": "d", "state": state, "restored": device in account.get("restored", ())},
                "head": head_of(account),
                "access_token": f"access {email} {count} {device}",
                "expires_in": 900,
                "refresh_token": f"refresh {email} {count} {device}",
                "pending_reset": account.get("pending_reset"),
                "firebase": {
                    "custom_token": f"custom {count}" if state == "active" else None,
                    "project": "p",
                    "database": "(default)",
                    "api_key": "k",
                    "auth_host": None,
                    "firestore_host": None,
                },
            },
        )
