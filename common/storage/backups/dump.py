"""The relations of a PostgreSQL server that can be reached, by pg_dump, which has ended when `start` returns.

It is what Cloud SQL's own export writes: plain SQL of one snapshot, gzipped. Unlogged tables come without their rows, which
a failover empties too.
"""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from common.backups.model import Done, ExportRefused, Progress
from common.clock import remaining
from common.errors import DeadlineExceeded
from common.settings import SettingsError
from common.storage.backups.folder import close_to_others

_AT_MOST = 540.0
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpedRelations:
    folder: Path
    dsn: str

    async def start(self, place: str) -> str:
        """Dump to `place`, which must not stand there. The operation is the place itself."""
        target = self.folder / place
        url = urlsplit(self.dsn)
        try:
            target.touch(0o600, exist_ok=False)  # pg_dump keeps the mode of a file that stands there
        except OSError:
            raise ExportRefused("The dump of the relations cannot be written.") from None
        process = await asyncio.create_subprocess_exec(
            pg_dump(),
            "--format=plain",
            "--compress=6",
            "--no-owner",
            "--no-acl",
            "--no-unlogged-table-data",
            "--no-password",
            f"--file={target}",
            f"--dbname={_without_password(url)}",
            # The password goes by the environment: the arguments are in every user's process list.
            env=os.environ | {"PGPASSWORD": unquote(url.password or "")},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(remaining(_AT_MOST)):
                status = await process.wait()
        except TimeoutError:
            raise DeadlineExceeded("The dump of the relations took too long.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0:
            raise ExportRefused("pg_dump could not dump the relations.")
        await asyncio.to_thread(close_to_others, target)
        return place

    async def look(self, operation: str) -> Progress:  # noqa: ARG002 - it ended before it had a name
        return Done()


def pg_dump() -> str:
    """pg_dump of the PATH, or of Debian's folders, the newest: it must not be older than the server."""
    if found := shutil.which("pg_dump"):
        return found
    candidates = [path for path in _DEBIAN.glob("*/bin/pg_dump") if os.access(path, os.X_OK)]
    if not candidates:
        raise SettingsError("pg_dump was not found. Put PostgreSQL's bin folder on the PATH.")
    return str(max(candidates, key=lambda path: float(path.relative_to(_DEBIAN).parts[0])))


def _without_password(url: SplitResult) -> str:
    user, _, host = url.netloc.rpartition("@")
    return url._replace(netloc=f"{user.partition(':')[0]}@{host}").geturl()
