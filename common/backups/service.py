from dataclasses import dataclass
from datetime import UTC, datetime

from common.backups.model import Manifest, Outcome
from common.backups.ports import Archive, Export
from common.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    documents: Export
    relations: Export
    archive: Archive
    project: str
    clock: Clock

    async def run(self) -> Outcome:
        """Make today's (UTC) backup unless it stands complete.

        Cloud Scheduler may call twice, and calls again after a fault. A day that is being made is a fault too: the
        call that makes it may have died, and the scheduler must not rest before a manifest is written.

        Raises:
            Unavailable: another call is making it.
        """
        started = datetime.fromtimestamp(self.clock(), UTC)
        day = started.date().isoformat()
        if not await self.archive.claim(day):
            return Outcome(day=day, made=False)
        try:
            # Documents first: every account and conversation they name then stands in the later relations.
            documents = await self.documents.write(day)
            relations = await self.relations.write(day)
            finished = datetime.fromtimestamp(self.clock(), UTC)
            await self.archive.complete(
                Manifest(
                    day=day,
                    project=self.project,
                    started_at=started.isoformat(),
                    finished_at=finished.isoformat(),
                    documents=documents,
                    relations=relations,
                )
            )
        except BaseException:
            await self.archive.abandon(day)
            raise
        return Outcome(day=day, made=True)
