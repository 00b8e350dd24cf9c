"""Key chains, links and resets."""

import httpx

from tests.client.fakes.store import Store
from tests.client.fakes.wire import Json, claims, head_of, problem


class Keys(Store):
    def publish_key(self, body: Json, token: str) -> httpx.Response:
        account = self.accounts[token.split(" ")[1]]
        if body["statement"] is not None:
            if account["statements"] and account["statements"] != [body["statement"]]:
                return problem(409, "chain-conflict", head=head_of(account))
            account["statements"] = [body["statement"]]
        _keep_key(account, body["encryption_key"])
        return httpx.Response(200, json={"head": head_of(account), "device": {"id": "d", "state": "active"}})


def _keep_key(account: Json, statement: str) -> None:
    """`key` is that of the device that began the chain, `other_keys` has those of the others by id."""
    device = claims(statement)["device"]
    if device == claims(account["statements"][0])["device"]["kid"]:
        account["key"] = statement
    else:
        account.setdefault("other_keys", {})[device] = statement
