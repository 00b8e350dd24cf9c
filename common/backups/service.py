"""Beginning the day's backup, and following the newest one until it is complete or has failed.

Nothing waits here: one call starts the exports, later ones look at them. All that is known between the calls stands in the
archive, in objects that are created and never replaced, so that two calls at once cannot undo each other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.backups.dump import read_dump
from common.backups.model import (
    BEGUN,
    DOCUMENTS,
    FAILED,
    MANIFEST,
    OPERATIONS,
    RELATIONS,
    BackupRefused,
    Done,
    ExportRefused,
    Failed,
    Manifest,
    Object,
    Outcome,
    rfc3339,
)
from common.backups.ports import Archive, Documents, Relations
from common.backups.standing import Standing, standing
from common.clock import Clock
from common.errors import DeadlineExceeded, Unavailable
from common.telemetry import log_failure, log_gauges

PERIOD = 20 * 3_600.0
"""Seconds from one backup to the next, at least: less than a day, for the scheduler's calls are not exact."""
PAUSE = 20 * 60.0
"""Seconds from one attempt to the next."""
ATTEMPTS = 3
"""Of a day."""
_MINUTE = 60.0
_DAY = 86_400.0
_SETTLED = 5.0
"""Seconds after which a minute has passed on every clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    archive: Archive
    documents: Documents
    relations: Relations
    project: str
    clock: Clock

    async def begin(self) -> Outcome:
        """Start the day's backup, unless the newest one is young, and complete or on its way.

        After a failed one this begins the next attempt, if some time has passed: the scheduler's retries come within
        minutes, and would use up the attempts before the cause is gone.

        Raises:
            Unavailable, DeadlineExceeded: nothing was started, or not all of it, which is a failed attempt.
        """
        now = self.clock()
        names = await self._names()
        if names and (outcome := await self._young(names[-1], now)):
            return outcome
        at = (now - _SETTLED) // _MINUTE * _MINUTE
        name = _next(names, rfc3339(at)[:10])
        claim = _json(version=1, project=self.project, name=name, at=rfc3339(at))
        if not await self.archive.create(f"{name}/{BEGUN}", claim):
            return Outcome(name=name, state="running")
        return await self._start(name, at)

    async def _names(self) -> list[str]:
        """Of those that were begun by now: one of a day to come is nobody's, and would be the newest until then."""
        tomorrow = rfc3339(self.clock() + _DAY)[:10]
        return [name for name in await self.archive.names() if name[:10] <= tomorrow]

    async def _young(self, name: str, now: float) -> Outcome | None:
        """What there is to say of the newest backup in place of another one."""
        newest = await standing(self.archive, name)
        if reason := newest.given_up(now):
            await self._fail(name, reason)
            return None
        if newest.state == "failed":
            if now - newest.at < PAUSE:
                raise Unavailable(f"The last attempt has failed, and the next one waits. {newest.reason}")
            return None
        if now - newest.at >= PERIOD:
            return None
        return Outcome(name=name, state="too early" if newest.state == "complete" else "running")

    async def check(self) -> Outcome | None:
        """Follow the newest backup, and tell of the newest complete one. None: there are no backups.

        Raises:
            Unavailable, DeadlineExceeded: a part could not be asked. Nothing is decided; the next check asks again.
        """
        names = await self._names()
        try:
            return await self._newest(names[-1]) if names else None
        finally:
            await self._tell(names)

    async def _start(self, name: str, at: float) -> Outcome:
        """Documents first: every account and conversation that they name then stands in the later relations."""
        try:
            documents = await self.documents.start(f"{name}/{DOCUMENTS}", at)
            relations = await self.relations.start(f"{name}/{RELATIONS}")
        except BaseException as error:
            known = isinstance(error, (ExportRefused, Unavailable, DeadlineExceeded))
            await self._fail(name, str(error) if known else "The call that began it was broken off.")
            if isinstance(error, ExportRefused):
                raise Unavailable(str(error)) from None
            raise
        await self.archive.create(f"{name}/{OPERATIONS}", _json(documents=documents, relations=relations))
        return Outcome(name=name, state="started")

    async def _newest(self, name: str) -> Outcome:
        backup = await standing(self.archive, name)
        if backup.state == "running":
            return await self._follow(backup)
        return Outcome(name=name, state=backup.state, reason=backup.reason)

    async def _follow(self, backup: Standing) -> Outcome:
        if backup.operations is not None:
            try:
                documents = await self.documents.look(backup.operations["documents"])
                relations = await self.relations.look(backup.operations["relations"])
            except ExportRefused as refused:
                return await self._fail(backup.name, str(refused))
            for progress in (documents, relations):
                if isinstance(progress, Failed):
                    return await self._fail(backup.name, progress.reason)
            if isinstance(documents, Done) and isinstance(relations, Done):
                return await self._complete(backup, documents.count)
        if reason := backup.given_up(self.clock()):
            return await self._fail(backup.name, reason)
        return Outcome(name=backup.name, state="running")

    async def _complete(self, backup: Standing, documents: int) -> Outcome:
        """Look at what the exports wrote, and write the manifest last."""
        objects = await self._objects(backup.name)
        if not any(part.name.startswith(f"{DOCUMENTS}/") for part in objects):
            return await self._fail(backup.name, "The documents' export has ended and left nothing.")
        try:
            dump = await read_dump(self.archive.open(f"{backup.name}/{RELATIONS}"))
        except BackupRefused as refused:
            return await self._fail(backup.name, str(refused))
        manifest = Manifest(
            project=self.project,
            name=backup.name,
            at=rfc3339(backup.at),
            finished_at=rfc3339(self.clock()),
            objects=tuple(objects),
            documents=documents,
            migration=dump.migration,
            rows=dump.rows,
        )
        await self.archive.create(f"{backup.name}/{MANIFEST}", manifest.write())
        return Outcome(name=backup.name, state="complete")

    async def _objects(self, name: str) -> Sequence[Object]:
        found = [
            *await self.archive.objects(f"{name}/{DOCUMENTS}/"),
            *await self.archive.objects(f"{name}/{RELATIONS}"),
        ]
        return [
            Object(name=part.name.removeprefix(f"{name}/"), bytes=part.bytes, crc32c=part.crc32c)
            for part in found
        ]

    async def _fail(self, name: str, reason: str) -> Outcome:
        log_failure("backup failed", backup=name, reason=reason)
        await self.archive.create(f"{name}/{FAILED}", _json(reason=reason))
        return Outcome(name=name, state="failed", reason=reason)

    async def _tell(self, names: Sequence[str]) -> None:
        """Also when nothing was to do: an old success must be seen to get old."""
        at, size = 0.0, 0
        for name in reversed(names):
            backup = await standing(self.archive, name)
            content = await self.archive.read(f"{name}/{MANIFEST}") if backup.state == "complete" else None
            if content is None:
                continue
            try:
                size = Manifest.read(content, project=self.project, name=name).size
            except BackupRefused:
                continue
            at = backup.at
            break
        log_gauges(backup_last_success_timestamp_seconds=int(at), backup_bytes=size)


def _next(names: Sequence[str], day: str) -> str:
    """The name of the day's next attempt.

    Raises:
        Unavailable: the last one has failed.
    """
    made = sum(name.startswith(day) for name in names)
    if made >= ATTEMPTS:
        raise Unavailable(f"{ATTEMPTS} attempts have failed today.")
    return f"{day}.{made + 1}" if made else day


def _json(**members: Any) -> bytes:
    return json.dumps(members).encode("ascii") + b"\n"
