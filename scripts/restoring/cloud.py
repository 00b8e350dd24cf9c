"""A deployment's backup into a new pair of databases, from an operator's machine with gcloud signed in.

Firestore's half is done from here. PostgreSQL's, and what takes both, is done by the job `restore` inside the network.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import google.oauth2.credentials
import httpx
from google.auth.exceptions import RefreshError
from google.cloud import storage
from google.cloud.firestore_admin_v1 import FirestoreAdminClient

from common.backups import looking
from common.backups.model import DOCUMENTS, Manifest
from common.backups.ports import Archive
from common.errors import Unavailable
from common.storage.backups.bucket import BucketArchive, StorageRefused
from common.storage.firestore.restored import Documents, in_cloud
from common.storage.restore import ended
from scripts.cloud import tools
from scripts.local.say import Progress, Stop
from scripts.local.serving import Serving
from scripts.restoring import importing, proof
from scripts.restoring.restore import looked_at, restored, say_plan, sentences

_FIRESTORE = "https://firestore.googleapis.com"
_SECONDS = 30.0
_TOKEN = timedelta(minutes=8)
"""How long one of gcloud's tokens is taken to live. It may hand out one that is almost an hour old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    project: str
    archive: Archive
    ended: Archive
    """The list of what was erased and revoked."""
    admin: FirestoreAdminClient
    documents: Callable[[str], Documents]
    """Those of a database."""
    job: Callable[[Sequence[str]], None]
    """Runs the job `restore` with these arguments, to its end. Raises tools.Refused."""
    firestore: str = _FIRESTORE

    @property
    def bucket(self) -> str:
        return f"{self.project}-backups"

    @classmethod
    def of(cls, project: str, region: str) -> "Deployment":
        """With the credentials that gcloud has.

        Raises:
            Refused: there is no gcloud, or nobody is signed in.
        """
        tools.require("gcloud")
        if not tools.gcloud(project, "auth", "print-access-token"):
            raise tools.Refused("gcloud has no credentials. Sign in: gcloud auth login")
        given = credentials(project)
        client = storage.Client(project, credentials=given)

        def archive(name: str) -> Archive:
            return BucketArchive(project=project, bucket=f"{project}-{name}", client=client)

        return cls(
            project=project,
            archive=archive("backups"),
            ended=archive("revocations"),
            admin=FirestoreAdminClient(credentials=given),
            documents=lambda database: in_cloud(project, database, given),
            job=lambda words: run_job(project, region, words),
        )


@dataclass(slots=True)
class CloudRestore:
    """Of one backup, which may have been begun by an earlier run.

    Raises, in every method:
        Stop: it cannot go on. The sentence says why. Nothing that lived was touched.
    """

    place: Deployment
    name: str
    progress: Progress

    def plan(self) -> None:
        """Look at the backup as a restore does first, and say what one would do."""
        with spoken():
            manifest, pair = self._looked_at(), self._pair
            is_made = self._import(pair).has_database()
            say_plan(manifest, pair, ended(self.place.ended), self.progress.line)
        if not is_made:
            self.progress.line(_unmade(pair.documents))

    def run(self) -> None:
        with spoken():
            manifest, pair = self._looked_at(), self._pair
            documents = self.place.documents(pair.documents)
            with self.progress.step("The new Firestore database"):
                if not self._import(pair).has_database():
                    raise Stop(_unmade(pair.documents))
            self._prove(documents)
            if importing.claim(documents, manifest.digest) == "made":
                self._fill(documents, pair, manifest)
                importing.note(documents, manifest.digest, "loaded")
            self.progress.line(f"The job restore, which makes {pair.relations}:")
            self.place.job([self.name, pair.relations, pair.documents])
            self._prove(documents)
            importing.note(documents, manifest.digest, "ready")
        self.progress.line(
            f"Ready: {pair.documents} and {pair.relations}, of what was acknowledged before {manifest.at}."
        )

    def admit(self) -> None:
        """Say how a deployment comes to serve the pair."""
        with spoken():
            manifest, pair = looking.manifest(self.place.archive, self.place.project, self.name), self._pair
            is_made = self._import(pair).has_database()
            if (
                not is_made
                or importing.claimed(self.place.documents(pair.documents), manifest.digest) != "ready"
            ):
                raise Stop(f"{pair.documents} is not ready: restore {self.name} first.")
        for line in (
            "In terraform/terraform.tfvars:",
            f'  firestore_database = "{pair.documents}"',
            f'  postgres_database  = "{pair.relations}"',
            "Then deploy, with the arguments that you always deploy with:",
            f"  ./scripts/deploy --project {self.place.project} ...",
        ):
            self.progress.line(line)

    @property
    def _pair(self) -> Serving:
        return restored(self.name)

    def _looked_at(self) -> Manifest:
        return looked_at(self.place.archive, self.place.project, self.name, self.progress)

    def _import(self, pair: Serving) -> importing.Import:
        return importing.Import(
            admin=self.place.admin,
            database=f"projects/{self.place.project}/databases/{pair.documents}",
            source=f"gs://{self.place.bucket}/{self.name}/{DOCUMENTS}",
        )

    def _fill(self, documents: Documents, pair: Serving, manifest: Manifest) -> None:
        """Import what is not there: their number says whether an earlier import came to its end."""
        source = self._import(pair)
        with self.progress.step(f"{manifest.documents:,} documents") as step:

            def tell(there: int) -> None:
                step.note = f"{there:,} of {manifest.documents:,}"

            operation = source.running()
            if operation or documents.total() != manifest.documents:
                source.wait(operation or source.start(), tell)
            there = documents.total()
            if there != manifest.documents:
                raise Stop(
                    f"{pair.documents} holds {there:,} documents, and the manifest counts {manifest.documents:,}. "
                    "Run this again: they are imported anew."
                )

    def _prove(self, documents: Documents) -> None:
        with self.progress.step("A stranger is refused"):
            proof.strangers_are_refused(documents, self._ask, {"nobody": None})

    def _ask(self, method: str, path: str, body: object, bearer: str | None) -> int:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        try:
            url = f"{self.place.firestore}/v1/{path}"
            return httpx.request(method, url, json=body, headers=headers, timeout=_SECONDS).status_code
        except httpx.HTTPError:
            raise Unavailable("Firestore cannot be reached.") from None


def run_job(project: str, region: str, words: Sequence[str]) -> None:
    """Run the job `restore` and wait for it, unless it runs already.

    Raises:
        Refused: it runs, cannot be looked at, or failed.
    """
    where = f"--region={region}"
    found = tools.gcloud_json(project, "run", "jobs", "executions", "list", "--job=restore", where)
    if found is None:
        raise tools.Refused(f"gcloud shows no job restore in {region}. Has scripts/deploy been run?")
    if any("completionTime" not in execution.get("status", {}) for execution in found):
        raise tools.Refused(
            "The job restore is running already. Run this again when it has ended: it goes on."
        )
    arguments = ",".join(["-m", "common.storage.restore", *words])
    tools.run(
        [
            *("gcloud", "run", "jobs", "execute", "restore", "--wait"),
            *(f"--project={project}", where, f"--args={arguments}"),
        ]
    )


@contextmanager
def spoken() -> Iterator[None]:
    """What the cloud's parts raise beside others, as the sentence that the person reads."""
    try:
        with sentences():
            yield
    except (tools.Refused, StorageRefused) as error:
        raise Stop(str(error)) from None


def credentials(project: str) -> Any:
    """Those that gcloud has, in whose name Google's libraries call, asked for again before they end."""

    def fresh(_request: object, **_scopes: object) -> tuple[str, datetime]:
        token = tools.gcloud(project, "auth", "print-access-token")
        if not token:
            raise RefreshError("gcloud has no token")
        return token, datetime.now(UTC).replace(tzinfo=None) + _TOKEN

    return google.oauth2.credentials.Credentials(token=None, refresh_handler=fresh, quota_project_id=project)


def _unmade(database: str) -> str:
    return (
        f"Firestore's database {database} is not there. Add it to terraform/terraform.tfvars and run scripts/deploy, which makes "
        f'it with its rules, indexes and expiry; then run this again:\n  restored = ["{database}"]'
    )
