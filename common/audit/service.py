from dataclasses import dataclass

from common.audit.model import AuditPage, Reading
from common.audit.ports import AuditLog
from common.identity import Caller

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    log: AuditLog

    async def page(self, reading: Reading, caller: Caller) -> AuditPage:
        """What happened to the caller's account, newest first, a hundred lines at a time."""
        found = await self.log.read(caller.uid, before=reading.before, most=PAGE + 1)
        page = tuple(found[:PAGE])
        return AuditPage(entries=page, cursor=str(page[-1].id) if len(found) > PAGE else None)
