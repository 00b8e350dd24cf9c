"""A backup of the service in memory, and what it does after it was restored from one."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import httpx

from sealpost.mailbox import MessageDocument
from sealpost.protocol import bounds
from tests.client.fakes.store import Store
from tests.client.fakes.wire import Json, claims, head_of, problem


@dataclass(frozen=True)
class Backup:
    at: float
    accounts: dict[str, Any]
    conversations: dict[str, list[str]]
    documents: list[MessageDocument]


class Restores(Store):
    def back_up(self) -> Backup:
        kept = deepcopy((self.accounts, self.conversations, self.documents))
        return Backup(self.wall.time(), *kept)

    def restore(self, backup: Backup) -> None:
        """All that was acknowledged since is lost, but for accounts: whoever signed up since begins anew."""
        self.accounts.update(deepcopy(backup.accounts))
        self.conversations = deepcopy(backup.conversations)
        self.documents = list(backup.documents)
        self.lost.append((backup.at, self.wall.time()))
        for account in self.accounts.values():
            keys = [account["key"], *account["other_keys"].values()]
            account["restored"] = {claims(key)["device"] for key in keys if key is not None}

    def is_timely(self, statement: str, *, now_too: bool = True) -> bool:
        iat, reach = claims(statement)["iat"], bounds.CLOCK_TOLERANCE
        lost = any(point - reach <= iat <= restored_at + reach for point, restored_at in self.lost)
        return lost or (now_too and abs(self.wall.time() - iat) <= reach)

    def silent(self, account: Json) -> bool:
        """Whether nobody can write to the account until a restored device has published again."""
        keys = [key for key in (account["key"], *account["other_keys"].values()) if key is not None]
        return bool(keys) and all(claims(key)["device"] in account.get("restored", ()) for key in keys)

    def refused(self, account: Json, statement: str) -> httpx.Response | None:
        """Why a statement is not re-submitted."""
        stated = claims(statement)
        if statement in account["statements"]:
            return None
        if stated["act"] == "reset" or stated["seq"] == 0 or not self.is_timely(statement, now_too=False):
            return problem(400, "invalid-request")
        if stated["seq"] != len(account["statements"]):
            return problem(409, "chain-conflict", head=head_of(account))
        return None

    def state_of(self, account: Json, device: str) -> str:
        if device in account["ended"]:
            return "revoked"
        joined = device in _added(account)
        lost = self.lost or device in account["pending"] or not account["statements"]
        return "pending" if lost and not joined else "active"


def _added(account: Json) -> list[str]:
    """The ids of the devices that the chain has added."""
    stated = [claims(one) for one in account["statements"] if "." in one]
    return [one["device"]["kid"] for one in stated if one["act"] in {"add-device", "reset"}]
