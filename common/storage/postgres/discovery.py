"""Who may find whom: what looking up and beginning a conversation share, and how a person changes it."""

from dataclasses import dataclass

from common.identity import Caller
from common.storage.postgres.audit import audit
from common.storage.postgres.connection import Run
from common.storage.postgres.pool import Pool

FAMILIAR = """(account.uid = :caller or exists (
    select from members mine join members theirs on theirs.cid = mine.cid
    where mine.uid = :caller and theirs.uid = account.uid))"""
"""Holds for a row `account` that is the caller's own or shares a conversation with them."""
OPEN = f"(account.discoverable or {FAMILIAR})"
"""Holds for a row `account` that the caller may find."""

_SET = """
update accounts set discoverable = :discoverable::boolean
where uid = :uid and discoverable <> :discoverable
returning true
"""


@dataclass(frozen=True, slots=True)
class PostgresVisibility:
    pool: Pool

    async def set_discoverable(self, caller: Caller, *, discoverable: bool, now: float) -> None:
        def work(run: Run) -> None:
            if run(_SET, uid=caller.uid, discoverable=discoverable):
                audit(run, caller.uid, "discovery-set", now, device=caller.device, session=caller.session)

        await self.pool.transaction(work)
