"""Sign-up and sessions."""

import httpx

from tests.client.fakes.store import Store
from tests.client.fakes.wire import Json, claims, head_of, problem


class Sessions(Store):
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
        count, state = len(self.calls), _state(account, device)
        return httpx.Response(
            200,
            json={
                "uid": account["uid"],
                "session_id": session_id,
                "device": {"id": "d", "state": state},
                "head": head_of(account),
                "access_token": f"access {email} {count} {device}",
                "expires_in": 900,
                "refresh_token": f"refresh {email} {count} {device}",
                "pending_reset": account.get("pending_reset"),
                "firebase": {
                    "custom_token": f"custom {count}" if state == "active" else None,
                    "project": "p",
                    "api_key": "k",
                    "auth_host": None,
                    "firestore_host": None,
                },
            },
        )


def _state(account: Json, device: str) -> str:
    if device in account["ended"]:
        return "revoked"
    joined = device in _added(account)
    return (
        "pending" if not account["statements"] or (device in account["pending"] and not joined) else "active"
    )


def _added(account: Json) -> list[str]:
    """The ids of the devices that the chain has added."""
    stated = [claims(one) for one in account["statements"] if "." in one]
    return [one["device"]["kid"] for one in stated if one["act"] in {"add-device", "reset"}]
