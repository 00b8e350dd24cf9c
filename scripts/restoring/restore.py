"""A backup into a new pair of databases, proven before anybody is let in. Every step may have been done by an earlier run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.backups import looking
from common.backups.model import DOCUMENTS, RELATIONS, BackupRefused, Manifest, seconds
from common.backups.ports import Archive
from common.errors import DeadlineExceeded, Unavailable
from common.settings import SettingsError
from common.storage.backups.folder import FolderArchive
from common.storage.firestore import samples
from common.storage.firestore.matching import match
from common.storage.firestore.restored import Documents
from common.storage.postgres.connect import plain
from common.storage.postgres.failures import ConnectionLost, StatementFailed
from common.storage.postgres.load import RestoreRefused, Stage, Target, load
from common.storage.postgres.migrate import MigrationError
from common.storage.postgres.reopen import Ended, accounts, members, reopen
from common.storage.restore import blocking, ended
from scripts.local.emulators import DEFAULT, RESTORED
from scripts.local.layout import Layout
from scripts.local.say import Progress, Stop
from scripts.local.serving import Serving
from scripts.local.stack import Backing, rules
from scripts.local.web import call
from scripts.restoring import proof
from scripts.restoring.documents import copy, emulated, imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where backups are and databases are made: a stack on this machine."""

    layout: Layout
    backing: Backing
    project: str

    @property
    def folder(self) -> Path:
        return self.backing.data / "backups" / self.project

    @property
    def archive(self) -> Archive:
        return FolderArchive(self.folder)

    def ended(self) -> Ended:
        """The list of what was erased and revoked, as it stands now."""
        return ended(FolderArchive(self.backing.data / "revocations" / self.project))


def restored(name: str) -> Serving:
    """The databases that a backup is restored into."""
    plain_name = name.replace(".", "-")
    return Serving(documents=f"{RESTORED}{plain_name}", relations=f"{RESTORED}{plain_name}".replace("-", "_"))


def stage_of(place: Place, name: str) -> Stage | None:
    """How far a restore of this backup came; None where there was none."""
    with sentences():
        target = _target(place, looking.manifest(place.archive, place.project, name))
        return target.claim() if place.backing.postgres.exists(target.name) else None


def admit(place: Place, name: str) -> None:
    """Have the next run serve the pair. Nothing restores into it any more."""
    with sentences():
        _target(place, looking.manifest(place.archive, place.project, name)).note("admitted")
    restored(name).keep(place.backing.data)


def _target(place: Place, manifest: Manifest) -> Target:
    name, server = restored(manifest.name).relations, place.backing.postgres
    return Target(
        name=name,
        backup=manifest.digest,
        server=plain(server.dsn("postgres")),
        connect=plain(server.dsn(name)),
    )


@dataclass(slots=True)
class Restore:
    """Of one backup.

    Raises, in `plan` and `run`:
        Stop: it cannot go on. The sentence says why, and whether another run would go on. Nothing that lived was touched.
    """

    place: Place
    name: str
    progress: Progress
    keep: Callable[[Serving], object] = lambda _: None
    """Has the new databases outlive this run, where they would not by themselves."""

    def plan(self) -> None:
        """Look at the backup as a restore does first, and say what one would do."""
        with sentences():
            manifest = self._looked_at()
        say_plan(manifest, restored(self.name), self.place.ended(), self.progress.line)

    def run(self) -> Serving:
        """Restore it. The databases that were made."""
        with sentences():
            manifest = self._looked_at()
            pair = restored(self.name)
            target, documents = _target(self.place, manifest), self._documents(pair)
            stage = self._claim(target, documents)
            if stage == "admitted":
                raise Stop(
                    f"{pair.relations} was let in to people, who may have written to it. It is left as it is: drop it, if nobody needs it."
                )
            with self.progress.step("Rules in force"):
                self.place.backing.firestore.load_rules(
                    self.place.project, rules(self.place.layout), pair.documents
                )
            if stage == "made" or not documents.total():  # an emulator that was stopped forgets
                self._copy(documents, manifest)
            if stage == "made":
                self._load(target, manifest)
            with self.progress.step("The schema of this release"):
                target.migrate()
            if stage in {"made", "loaded"}:
                with self.progress.step("Random messages, held against the relations"):
                    samples.check(documents, members(target), accounts(target))
                target.note("checked")
            self._reopen(target, documents, manifest)
            with self.progress.step("A stranger and an unsigned reader are refused"):
                proof.strangers_are_refused(documents, self._ask, self._strangers)
            with self.progress.step("Kept"):
                self.keep(pair)
            target.note("ready")
        self.progress.line(
            f"Ready: {pair.documents} and {pair.relations}, of what was acknowledged before {manifest.at}."
        )
        return pair

    def _looked_at(self) -> Manifest:
        return looked_at(self.place.archive, self.place.project, self.name, self.progress)

    def _documents(self, pair: Serving) -> Documents:
        return emulated(self.place.backing.firestore, self.place.project, pair.documents)

    def _ask(self, method: str, path: str, body: object, bearer: str | None) -> int:
        return call(method, f"{self.place.backing.firestore.url}/v1/{path}", body, bearer=bearer).status

    @property
    def _strangers(self) -> dict[str, str | None]:
        return {"nobody": None, "a stranger": proof.emulators_token(self.place.project)}

    def _claim(self, target: Target, documents: Documents) -> Stage:
        with self.progress.step("New databases"):
            is_new = not self.place.backing.postgres.exists(target.name)
            if is_new and documents.total():
                raise Stop(
                    f"Firestore's database {documents.database} is there already, without its relations {target.name}. "
                    "It is left as it is: clear it, if nobody needs it."
                )
            return target.claim()

    def _copy(self, documents: Documents, manifest: Manifest) -> None:
        """Copy what is not there yet, before the relations: their load is the sign that both are there."""
        scratch = f"demo-restore-{manifest.digest[:12]}"
        export = self.place.folder / self.name / DOCUMENTS
        possible = [DEFAULT, *(path.name for path in self._restored())]
        with self.progress.step(f"{manifest.documents:,} documents") as step:
            step.note = "reading the export"
            source = imported(self.place.backing.firestore, export, scratch=scratch, databases=possible)
            if source.total() != manifest.documents:
                raise BackupRefused("The export does not hold the documents that its manifest counts.")

            def tell(there: int) -> None:
                step.note = f"{there:,} of {manifest.documents:,}"

            copy(source, documents, tell)
            if documents.total() != manifest.documents:
                raise Stop(
                    f"{documents.database} does not hold {manifest.documents:,} documents: clear it and run this again."
                )
            self.place.backing.firestore.clear(scratch, source.database)

    def _restored(self) -> list[Path]:
        """Where other restored databases are kept: a backup may be of one of them."""
        return sorted((self.place.backing.data / "firestore").glob(f"{RESTORED}*"))

    def _load(self, target: Target, manifest: Manifest) -> None:
        with self.progress.step(f"{sum(manifest.rows.values()):,} rows") as step:

            def tell(note: str) -> None:
                step.note = note

            with blocking(self.place.archive.open(f"{self.name}/{RELATIONS}")) as dump:
                load(target, dump, migration=manifest.migration, rows=manifest.rows, tell=tell)

    def _reopen(self, target: Target, documents: Documents, manifest: Manifest) -> None:
        with self.progress.step("What was erased and revoked since"):
            reopen(target, self.place.ended(), backup=self.name, point=seconds(manifest.at))
        with self.progress.step("A document for each conversation, and none for others"):
            match(documents, members(target))


def looked_at(archive: Archive, project: str, name: str, progress: Progress) -> Manifest:
    """The manifest of a backup whose objects are as it says.

    Raises:
        BackupRefused: as of `looking`.
    """
    with progress.step("Manifest"):
        manifest = looking.manifest(archive, project, name)
    with progress.step(f"{len(manifest.objects)} objects, {manifest.size:,} bytes, their checksums"):
        looking.check(archive, manifest)
    return manifest


def say_plan(manifest: Manifest, pair: Serving, ended: Ended, say: Callable[[str], None]) -> None:
    """What a restore would do."""
    counted = sum(manifest.rows.values())
    say(f"A restore would make, from what was acknowledged before {manifest.at}:")
    say(f"  Firestore's database {pair.documents}: {manifest.documents:,} documents")
    say(f"  PostgreSQL's database {pair.relations}: {counted:,} rows of {len(manifest.rows)} tables")
    say(f"  without {len(ended.accounts)} erased accounts and {len(ended.sessions)} ended sessions")
    say("Nothing was written.")


@contextmanager
def sentences() -> Iterator[None]:
    """What the parts raise, as the sentence that the person reads."""
    try:
        yield
    except (BackupRefused, RestoreRefused, MigrationError, SettingsError) as error:
        raise Stop(str(error)) from None
    except (Unavailable, DeadlineExceeded) as error:
        raise Stop(f"{error} Run this again: it goes on.") from None
    except (ConnectionLost, StatementFailed) as error:
        raise Stop(
            f"PostgreSQL was lost or refused us ({error}). Nothing is half there: run this again, it goes on."
        ) from None
