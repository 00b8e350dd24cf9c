"""The suite on real parts: what every project shares (`Backing`), and one project's own service (`Suite`)."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from common.storage.postgres.connect import plain
from common.storage.postgres.failures import ConnectionLost, StatementFailed
from common.storage.postgres.migrate import MigrationError, migrate
from common.suite.manifest import Manifest
from scripts.local import coverage, emulators, key_files, postgres
from scripts.local.emulators import DEFAULT, Auth, Firestore
from scripts.local.key_files import KeyFiles
from scripts.local.layout import Layout
from scripts.local.parts import Parts
from scripts.local.ports import HOST, Ports
from scripts.local.processes import Child, Processes, wait_until
from scripts.local.say import Progress, Stop
from scripts.local.tools import environment
from scripts.local.web import is_up

PROJECT = "demo-sealpost"
DATABASE = "sealpost"


@dataclass(frozen=True, slots=True)
class Backing:
    """Where the shared parts are. It can be written down, for another process to use them too."""

    ports: Ports
    data: Path
    """The folder of PostgreSQL's files, the exports, mails, logs and secrets."""
    postgres_programs: Path

    @property
    def firestore(self) -> Firestore:
        return Firestore(self.ports.firestore)

    @property
    def auth(self) -> Auth:
        return Auth(self.ports.auth)

    @property
    def postgres(self) -> postgres.Server:
        return postgres.Server(self.ports.postgres)

    @property
    def mailbox(self) -> str:
        return f"http://{HOST}:{self.ports.mailbox}"

    @property
    def keys(self) -> KeyFiles:
        return KeyFiles(self.data / "secrets")

    def export(self, project: str, *documents: str) -> None:
        """Write the emulators' data into the folder, from which the next start reads them.

        Of Firestore's databases, these and those that were written there before.
        """
        self.firestore.export(project, self.data / "firestore", *documents)
        self.auth.export(project, self.data / "users.json")

    def write(self, path: Path) -> None:
        paths = {"data": str(self.data), "postgres_programs": str(self.postgres_programs)}
        path.write_text(json.dumps({"ports": asdict(self.ports), **paths}), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(Ports(**raw["ports"]), Path(raw["data"]), Path(raw["postgres_programs"]))


@dataclass(frozen=True, slots=True)
class Suite:
    """A running service."""

    url: str
    project: str
    database: str
    """PostgreSQL's."""
    child: Child
    documents: str = DEFAULT
    """Firestore's database."""


def empty(data: Path) -> None:
    """Wipe a data folder, and make the folders that the parts expect."""
    shutil.rmtree(data, ignore_errors=True)
    make_folders(data)


def make_folders(data: Path) -> None:
    """The folder must let pass PostgreSQL's user; what is private in it is in folders of its own."""
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o711)
    for private in ("logs", "mail", "backups", "revocations", "secrets"):
        (data / private).mkdir(mode=0o700, exist_ok=True)


def start_backing(
    processes: Processes,
    parts: Parts,
    layout: Layout,
    progress: Progress,
    *,
    ports: Ports,
    data: Path,
    project: str = PROJECT,
    database: str = DATABASE,
    triggers_port: int | None = None,
    lasting: bool = False,
    quick_start: bool = True,
    beside: tuple[Callable[[], object], ...] = (),
) -> Backing:
    """Start the shared parts side by side, and with them what is to run `beside`.

    The database exists and is migrated, the rules are in force and the data of the last run are there when this
    returns. Without `quick_start` the Firestore emulator takes longer to start, and then less for each call.

    Raises:
        Stop: a part failed. The others are left to `processes`.
    """
    backing = Backing(ports, data, parts.postgres)
    key_files.make(data / "secrets", smtp_url=f"smtp://{HOST}:{ports.smtp}")

    def a_postgres() -> None:
        with progress.step("PostgreSQL, its schema up to date"):
            server = postgres.start(
                processes, parts.postgres, data=data / "postgres", port=ports.postgres, lasting=lasting
            )
            if not server.exists(database):
                server.create(database)
            _migrate(server.dsn(database))

    def a_firestore() -> None:
        with progress.step("Firestore emulator, its rules in force"):
            firestore = emulators.start_firestore(
                processes,
                java=parts.java,
                jar=parts.firestore_jar,
                port=ports.firestore,
                websocket_port=ports.firestore_websocket,
                triggers_port=triggers_port or ports.service,
                project=project,
                rules=rules(layout),
                quick_start=quick_start,
            )
            firestore.load_rules(project, rules(layout))
            firestore.import_(project, data / "firestore")

    def an_auth() -> None:
        with progress.step("Auth emulator"):
            auth = emulators.start_auth(
                processes,
                node=parts.node,
                firebase_tools=parts.firebase_tools,
                port=ports.auth,
                project=project,
            )
            auth.import_(project, data / "users.json")

    def a_mailbox() -> None:
        with progress.step("Mailbox"):
            child = start_python(
                processes,
                layout,
                "Mailbox",
                "scripts.local.mailbox",
                str(ports.smtp),
                str(ports.mailbox),
                str(data / "mail"),
            )
            wait_until(lambda: is_up(f"{backing.mailbox}/"), child, seconds=30)

    side_by_side(processes, an_auth, a_firestore, a_postgres, a_mailbox, *beside)
    return backing


def start_suite(
    processes: Processes,
    layout: Layout,
    backing: Backing,
    *,
    project: str = PROJECT,
    database: str = DATABASE,
    documents: str = DEFAULT,
    port: int,
    settings: Mapping[str, str] | None = None,
) -> Suite:
    """Start one project's service and wait for its health. The parts need not be there yet. `settings` overrule its own.

    Raises:
        Stop: it ended or does not answer.
    """
    url = f"http://{HOST}:{port}"
    dsn = backing.postgres.dsn(database)
    child = start_python(
        processes,
        layout,
        f"Suite {project} {port}",
        "common.suite",
        "--host",
        HOST,
        "--port",
        str(port),
        env=suite_environment(layout, backing, project=project, dsn=dsn, url=url)
        | {"FIRESTORE_DATABASE": documents}
        | dict(settings or {}),
    )
    wait_until(lambda: is_up(f"{url}/health"), child, seconds=60)
    return Suite(url, project, database, child, documents)


def suite_environment(
    layout: Layout, backing: Backing, *, project: str, dsn: str, url: str
) -> dict[str, str]:
    """The settings of a service on this backing (common/settings.py), and nothing of the person's own cloud."""
    keys = backing.keys
    passed = {
        name: os.environ[name]
        for name in ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", coverage.PASSED_ON)
        if name in os.environ
    }
    return passed | {
        "PATH": f"{backing.postgres_programs}:{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(layout.root),
        "PYTHONUNBUFFERED": "1",
        "CLOUDSDK_CONFIG": str(backing.data / "no-gcloud"),
        "NO_GCE_CHECK": "true",
        "GOOGLE_CLOUD_PROJECT": project,
        "IDENTITY_API_KEY": project,
        "FIRESTORE_EMULATOR_HOST": f"{HOST}:{backing.ports.firestore}",
        "FIREBASE_AUTH_EMULATOR_HOST": f"{HOST}:{backing.ports.auth}",
        "POSTGRES_DSN": dsn,
        "SEALPOST_URL": url,
        "SIGNING_KEYS_FILE": str(keys.signing_keys),
        "VERIFICATION_KEYS_FILE": str(keys.verification_keys),
        "INDEX_KEY_FILE": str(keys.index_key),
        "SCHEDULER_TOKEN_FILE": str(keys.scheduler_token),
        "SMTP_URL_FILE": str(keys.smtp_url),
        "MAIL_FROM": "Sealpost <no-reply@sealpost.localhost>",
        "BACKUP_FOLDER": str(backing.data / "backups" / project),
        "REVOCATIONS_FOLDER": str(backing.data / "revocations" / project),
    }


def register_triggers(layout: Layout, firestore: Firestore, project: str, documents: str = DEFAULT) -> None:
    """Tell the emulator of every function that Firestore calls."""
    for function in Manifest.read(layout.root).functions:
        if wanted := function.trigger.get("firestore"):
            firestore.register_trigger(project, function.name, wanted["event"], wanted["document"], documents)


def rules(layout: Layout) -> Path:
    named = json.loads((layout.root / "firebase.json").read_text(encoding="utf-8"))["firestore"]["rules"]
    return layout.root / str(named)


def start_python(
    processes: Processes,
    layout: Layout,
    name: str,
    module: str,
    *words: str,
    env: dict[str, str] | None = None,
) -> Child:
    return processes.start(
        name,
        [layout.python, "-P", "-m", module, *words],
        env=env or environment(PYTHONPATH=str(layout.root), PYTHONUNBUFFERED="1"),
        cwd=layout.root,
    )


def side_by_side(processes: Processes, *jobs: Callable[[], object]) -> None:
    """Run jobs in threads of their own; when one fails or this thread is interrupted, stop everything."""
    futures: list[Future[object]] = []
    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        try:
            futures.extend(pool.submit(job) for job in jobs)
            for future in as_completed(futures):
                future.result()
        except BaseException:
            processes.close()
            raise


def _migrate(dsn: str) -> None:
    try:
        migrate(plain(dsn))
    except (MigrationError, ConnectionLost, StatementFailed) as error:
        raise Stop(f"The schema cannot be brought up to date: {error}") from None
