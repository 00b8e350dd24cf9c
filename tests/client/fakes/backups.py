"""Sealed backups of history keys."""

import httpx

from tests.client.fakes.store import Store
from tests.client.fakes.wire import Json, problem


class Backups(Store):
    """An account's `backups` are texts by their number."""

    def save_key_backup(self, body: Json, token: str) -> httpx.Response:
        kept = self._kept(token)
        newest = max(kept, default=0)
        if kept.get(body["n"]) != body["backup"]:
            if body["n"] != newest + 1:
                return problem(409, "backup-conflict", n=newest)
            kept[body["n"]] = body["backup"]
        return httpx.Response(200, json={"n": body["n"], "hash": "not looked at"})

    def get_key_backup(self, body: Json, token: str) -> httpx.Response:
        text = self._kept(token).get(body["n"])
        if text is None:
            return problem(404, "not-found")
        return httpx.Response(200, json={"n": body["n"], "backup": text})

    def _kept(self, token: str) -> dict[int, str]:
        kept: dict[int, str] = self.accounts[token.split(" ")[1]].setdefault("backups", {})
        return kept
