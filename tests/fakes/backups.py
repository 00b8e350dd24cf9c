"""Backups in memory: an archive, and exports that end when a test says so."""

import base64
import gzip
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import google_crc32c

from common.backups.model import BackupRefused, Object, Progress, Running
from common.errors import Unavailable

DUMP = b"""--
-- PostgreSQL database dump
--

\\restrict Zq7

COPY public.accounts (uid, address_index) FROM stdin;
alice\t\\\\x01
bob\t\\\\x02\\nCOPY public.none (a) FROM stdin;
\\.

COPY public.migrations (number, name, sha256, applied_at) FROM stdin;
2\t0002_roles.sql\tab\t2026-11-22 00:00:00+00
1\t0001_relations.sql\tcd\t2026-11-22 00:00:00+00
\\.

COPY public.proofs (device, jti) FROM stdin;
\\.

--
-- PostgreSQL database dump complete
--

\\unrestrict Zq7
"""


@dataclass
class FakeArchive:
    kept: dict[str, bytes] = field(default_factory=dict)
    full: bool = False

    async def names(self) -> Sequence[str]:
        return sorted({name.split("/")[0] for name in self.kept})

    async def read(self, name: str) -> bytes | None:
        return self.kept.get(name)

    async def create(self, name: str, content: bytes) -> bool:
        if self.full:
            raise Unavailable("The folder of the backups cannot be written to.")
        return self.kept.setdefault(name, content) is content

    async def objects(self, prefix: str) -> Sequence[Object]:
        return [
            Object(name=name, bytes=len(content), crc32c=crc32c(content))
            for name, content in sorted(self.kept.items())
            if name.startswith(prefix)
        ]

    async def open(self, name: str) -> AsyncIterator[bytes]:
        if name not in self.kept:
            raise BackupRefused("An object of the backup is missing.")
        content = self.kept[name]
        for start in range(0, len(content), 7):
            yield content[start : start + 7]


@dataclass
class FakeExport:
    """Of documents and of relations. It writes `content` to the archive when it starts, and goes on until it is told."""

    archive: FakeArchive
    calls: list[str]
    content: bytes
    inside: str = ""
    """The object's name below the place."""
    fault: BaseException | None = None
    progress: Progress = field(default_factory=Running)
    at: float | None = None

    async def start(self, place: str, at: float | None = None) -> str:
        self.calls.append(place)
        if self.fault:
            raise self.fault
        self.at = at
        self.archive.kept[place + self.inside] = self.content
        return f"operation of {place}"

    async def look(self, operation: str) -> Progress:
        assert operation.startswith("operation of ")
        if self.fault:
            raise self.fault
        return self.progress


def crc32c(content: bytes) -> str:
    checksum = google_crc32c.Checksum(content)
    return base64.b64encode(checksum.digest()).decode()


def zipped(dump: bytes = DUMP) -> bytes:
    return gzip.compress(dump)
