"""Key chains, links and resets."""

import httpx

from sealpost.protocol import bounds
from tests.client.fakes.restores import Restores
from tests.client.fakes.wire import Json, claims, head_of, problem


class Keys(Restores):
    """An account's `key` is the key statement of the device that its root added, `other_keys` has those of others by id.

    `pending` and `ended` are ids of devices: those that may not read yet, and those that were removed. `link` is the
    request that stands, `pending_reset` the wish.
    """

    def publish_key(self, body: Json, token: str) -> httpx.Response:
        account, device = self._caller(token)
        if body["statement"] is not None:
            if not self.is_timely(body["statement"]):
                return problem(400, "invalid-request")
            refusal = self._append(account, body["statement"])
            if refusal is not None:
                return refusal
        if body["encryption_key"] is not None:
            _keep_key(account, body["encryption_key"])
            account.get("restored", set()).discard(device)
        account["pending"].discard(device)
        return httpx.Response(200, json={"head": head_of(account), "device": {"id": "d", "state": "active"}})

    def resubmit_statements(self, body: Json, token: str) -> httpx.Response:
        self._caller(token)
        (account,) = (one for one in self.accounts.values() if one["uid"] == body["uid"])
        for statement in body["statements"]:
            refusal = self.refused(account, statement) or self._append(account, statement)
            if refusal is not None:
                return refusal
            added = claims(statement)["device"] if claims(statement)["act"] == "add-device" else None
            if added is not None and added["kid"] not in account["other_keys"]:
                account.setdefault("restored", set()).add(added["kid"])
        return httpx.Response(200, json={"head": head_of(account)})

    def veto_reset(self, _body: Json, token: str) -> httpx.Response:
        self._caller(token)[0].pop("pending_reset", None)
        return httpx.Response(204)

    def request_link(self, body: Json, token: str) -> httpx.Response:
        account, device = self._caller(token)
        link = account.get("link")
        if link is not None and link["device"] != device and self._stands(link):
            return problem(409, "link-pending", expires_at=link["expires_at"])
        expires_at = int(self.wall.time()) + bounds.LINK_LIFE
        account["link"] = {
            "device": device,
            "pop": body["pop"],
            "encryption_key": body["encryption_key"],
            "mac": body["mac"],
            "expires_at": expires_at,
            "grant": None,
        }
        return httpx.Response(200, json={"expires_at": expires_at})

    def get_link_request(self, _body: Json, token: str) -> httpx.Response:
        link = self._caller(token)[0].get("link")
        if link is None or link["grant"] is not None or not self._stands(link):
            return httpx.Response(200, json={"request": None})
        shown = ("pop", "encryption_key", "mac", "expires_at")
        return httpx.Response(200, json={"request": {name: link[name] for name in shown}})

    def grant_link(self, body: Json, token: str) -> httpx.Response:
        account, _ = self._caller(token)
        link = account.get("link")
        if link is None or not self._stands(link):
            return problem(404, "not-found")
        refusal = self._append(account, body["statement"])
        if refusal is not None:
            return refusal
        link["grant"] = body["mac"]
        account["pending"].discard(link["device"])
        _keep_key(account, link["encryption_key"])
        return httpx.Response(200, json={"head": head_of(account)})

    def get_link_grant(self, _body: Json, token: str) -> httpx.Response:
        account, device = self._caller(token)
        link = account.get("link")
        answer: Json = {"state": "gone", "mac": None, "head": None, "statements": []}
        if link is not None and link["device"] == device and self._stands(link):
            answer["state"] = "waiting"
            if link["grant"] is not None:
                answer |= {
                    "state": "granted",
                    "mac": link["grant"],
                    "head": head_of(account),
                    "statements": account["statements"],
                }
        return httpx.Response(200, json=answer)

    def _stands(self, link: Json) -> bool:
        return bool(self.wall.time() < link["expires_at"])

    def _append(self, account: Json, statement: str) -> httpx.Response | None:
        statements, head = account["statements"], head_of(account)
        if statement in statements:
            return None
        stated = claims(statement)
        if (stated["seq"], stated["prev"]) != (len(statements), head and head["hash"]):
            return problem(409, "chain-conflict", head=head)
        statements.append(statement)
        match stated["act"]:
            case "revoke-device":
                _end(account, stated["device"])
            case "reset":
                for other in [claims(one)["device"] for one in _key_statements(account)]:
                    _end(account, other)
                account["pending_reset"] = account["link"] = None
        return None


def _key_statements(account: Json) -> list[str]:
    return [one for one in (account["key"], *account["other_keys"].values()) if one is not None]


def _end(account: Json, device: str) -> None:
    account["ended"].add(device)
    account["other_keys"].pop(device, None)
    if account["key"] is not None and claims(account["key"])["device"] == device:
        account["key"] = None


def _keep_key(account: Json, statement: str) -> None:
    device, head = claims(statement)["device"], head_of(account)
    roots = [claims(one) for one in account["statements"] if "." in one]
    root = max(one["seq"] for one in roots if one["act"] == "reset" or one["seq"] == 0)
    if head is None or device == claims(account["statements"][root])["device"]["kid"]:
        account["key"] = statement
    else:
        account["other_keys"][device] = statement
