"""A backup of real databases that a test restores."""

import asyncio
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from common.backups import Backups
from common.storage.backups.dump import DumpedRelations
from common.storage.backups.emulator import EmulatorDocuments
from common.storage.backups.folder import FolderArchive
from common.storage.firestore.matching import conversation_fields
from common.storage.firestore.restored import Documents
from common.storage.postgres.connect import plain
from common.storage.postgres.migrate import migrate
from scripts.local.layout import Layout
from scripts.local.ports import HOST
from scripts.local.say import Progress
from scripts.local.serving import Serving
from scripts.local.stack import Backing
from scripts.restoring.documents import emulated
from scripts.restoring.restore import Place, Restore, restored, stage_of
from tests.signing import envelope

Rows = list[list[Any]]

ADA, BOB, CYD = "ada", "bob", "cyd"
TALK, LONELY, LATE = "T" * 43, "L" * 43, "N" * 43
MESSAGES = 700
"""More than two pages."""
PEOPLE = f"""
insert into accounts (uid, address_index, created_at)
    select uid, decode(repeat(n, 32), 'hex'), now()
    from (values ('{ADA}', '01'), ('{BOB}', '02'), ('{CYD}', '03')) as given (uid, n);
insert into devices (id, uid, modulus, state, created_at, activated_at)
    select repeat(left(uid, 1), 43), uid, repeat('m', 512), 'active', now(), now() from accounts;
insert into sessions (id, uid, device, refresh_hash, created_at, expires_at)
    select repeat(left(uid, 1), 22), uid, repeat(left(uid, 1), 43), repeat(left(uid, 1), 43), now(), now() + interval '1 day'
    from accounts;
insert into reset_requests (uid, device, requested_at, due_at)
    select uid, id, now() - interval '2 days', now() - interval '1 day' from devices where uid = '{ADA}';
insert into conversations (cid, kind, head_seq, head_hash, created_at)
    values ('{TALK}', 'direct', 0, repeat('h', 43), now()), ('{LONELY}', 'self', 0, repeat('h', 43), now()),
           ('{LATE}', 'direct', 0, repeat('h', 43), now());
insert into members (cid, uid, role) values ('{TALK}', '{ADA}', 'member'), ('{TALK}', '{BOB}', 'member'),
    ('{LONELY}', '{CYD}', 'member'), ('{LATE}', '{ADA}', 'member'), ('{LATE}', '{CYD}', 'member');
"""  # noqa: S608


@dataclass
class World:
    place: Place
    name: str
    kept: list[Serving] = field(default_factory=list)

    @property
    def pair(self) -> Serving:
        return restored(self.name)

    @property
    def documents(self) -> Documents:
        return of(self.place, self.pair.documents)

    @property
    def environment(self) -> dict[str, str]:
        """Of the job restore."""
        return {
            "GOOGLE_CLOUD_PROJECT": self.place.project,
            "BACKUP_FOLDER": str(self.place.folder),
            "REVOCATIONS_FOLDER": str(self.revocations),
            "POSTGRES_DSN": self.place.backing.postgres.dsn("postgres"),
            "FIRESTORE_EMULATOR_HOST": f"{HOST}:{self.place.backing.ports.firestore}",
        }

    @property
    def revocations(self) -> Path:
        return self.place.backing.data / "revocations" / self.place.project

    def restore(self) -> Serving:
        return Restore(self.place, self.name, Progress(), self.kept.append).run()

    def ask(self, sql: str) -> Rows:
        connection = plain(self.place.backing.postgres.dsn(self.pair.relations))(10)
        try:
            return connection.simple(sql)
        finally:
            connection.close()

    def note(self, *names: str) -> None:
        """Into the list of what was ended since."""
        for name in names:
            path = self.revocations / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"at": "2026-11-22T00:00:00Z"}))

    def require_whole(self) -> None:
        assert self.documents.total() == MESSAGES + 3
        assert self.ask("select count(*) from accounts") == [[3]]
        assert stage_of(self.place, self.name) == "ready"


def of(place: Place, database: str) -> Documents:
    return emulated(place.backing.firestore, place.project, database)


def message(*members: str) -> Any:
    fields = conversation_fields("direct", members)
    for name in ("kind", "version", "last_message_at"):
        del fields[name]
    fields["envelope"].string_value = envelope("k" * 43)
    fields["sent_at"].timestamp_value.FromSeconds(int(time.time()))
    return fields


@contextmanager
def backed_up(backing: Backing) -> Iterator[tuple[Place, str]]:
    """Databases with people and messages, and their backup."""
    project = f"demo-restore-{uuid.uuid4().hex[:6]}"
    source = project.replace("-", "_")
    place = Place(layout=Layout(), backing=backing, project=project)
    backing.postgres.create(source)
    dsn = backing.postgres.dsn(source)
    migrate(plain(dsn))
    connection = plain(dsn)(10)
    connection.simple(PEOPLE)
    connection.close()
    living = of(place, "(default)")
    living.write(
        [
            (f"conversations/{TALK}", conversation_fields("direct", [ADA, BOB])),
            (f"conversations/{LONELY}", conversation_fields("self", [CYD])),
            *((f"conversations/{TALK}/messages/m{n}", message(ADA, BOB)) for n in range(MESSAGES - 1)),
            (f"conversations/{LONELY}/messages/m", message(CYD)),
            (f"accounts/{ADA}/sessions/s", message(ADA)),
        ]
    )
    backups = Backups(
        archive=FolderArchive(place.folder),
        documents=EmulatorDocuments(
            folder=place.folder, host=f"{HOST}:{backing.ports.firestore}", project=project
        ),
        relations=DumpedRelations(folder=place.folder, dsn=dsn),
        project=project,
        clock=time.time,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{backing.postgres_programs}{os.pathsep}{os.environ['PATH']}")
        begun = asyncio.run(backups.begin())
    done = asyncio.run(backups.check())
    assert done is not None
    assert (begun.state, done.state) == ("started", "complete"), done
    yield place, done.name
    backing.postgres.drop(source)
    backing.firestore.clear(project)


@contextmanager
def emptied(place: Place, name: str) -> Iterator[World]:
    """Where nothing of it is restored yet, and nothing afterwards."""
    made = World(place, name)
    yield made
    place.backing.postgres.drop(made.pair.relations)
    place.backing.firestore.clear(place.project, made.pair.documents)
    for noted in made.revocations.glob("*/*"):
        noted.unlink()
