"""What a person sees of the account: its sessions, the audit, who may find it."""

import httpx

from tests.client.fakes.store import Store
from tests.client.fakes.wire import Json, problem

_PAGE = 2


class Overview(Store):
    """An account's `listed` are its sessions and `audit` its lines, both oldest first; `open` says who may find it."""

    def list_sessions(self, body: Json, token: str) -> httpx.Response:
        listed = self._account(token).get("listed", [])
        sessions = [one | {"current": one["session_id"] == "sid"} for one in reversed(listed)]
        return _page("sessions", sessions, body)

    def name_session(self, body: Json, token: str) -> httpx.Response:
        self._session(token, body["session_id"])["name"] = body["name"]
        return httpx.Response(204)

    def revoke_session(self, body: Json, token: str) -> httpx.Response:
        account = self._account(token)
        if any(one["session_id"] == body["session_id"] for one in account.get("listed", [])):
            account["listed"].remove(self._session(token, body["session_id"]))
        return httpx.Response(204)

    def revoke_all_sessions(self, _body: Json, token: str) -> httpx.Response:
        account = self._account(token)
        if account.get("all_ended"):
            return problem(401, "unauthenticated")
        account["all_ended"] = True
        return httpx.Response(204)

    def list_audit(self, body: Json, token: str) -> httpx.Response:
        return _page("entries", list(reversed(self._account(token).get("audit", []))), body)

    def set_discovery(self, body: Json, token: str) -> httpx.Response:
        self._account(token)["open"] = body["open"]
        return httpx.Response(204)

    def _session(self, token: str, session_id: str) -> Json:
        found: Json = next(one for one in self._account(token)["listed"] if one["session_id"] == session_id)
        return found

    def _account(self, token: str) -> Json:
        account: Json = self.accounts[token.split(" ")[1]]
        return account


def _page(member: str, entries: list[Json], body: Json) -> httpx.Response:
    start = int(body["cursor"] or 0)
    following = str(start + _PAGE) if start + _PAGE < len(entries) else None
    return httpx.Response(200, json={member: entries[start : start + _PAGE], "cursor": following})
