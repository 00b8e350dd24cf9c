"""The Firestore and Auth emulators: started without their command lines, and their data carried from run to run."""

import http.client
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.local.java import QUIETLY
from scripts.local.ports import HOST
from scripts.local.processes import Processes, wait_until
from scripts.local.say import Stop
from scripts.local.tools import environment
from scripts.local.web import Answer, call, is_up

DEFAULT = "(default)"
"""The database that a project begins with."""
RESTORED = "restored-"
"""How the names of those begin that a restore has made."""

OWNER = "owner"
"""The bearer token with which an emulator lets pass everything."""

_AUTH_SCRIPT = Path(__file__).parents[1] / "emulators" / "auth.cjs"
_QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Two thirds of the time to start. For a benchmark leave them out: the full compiler makes calls several times faster."""


@dataclass(frozen=True, slots=True)
class Firestore:
    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def load_rules(self, project: str, rules: Path, database: str = DEFAULT) -> None:
        """Put the rules into force for a database. Those that the emulator was started with are in force for the others.

        Raises:
            Stop: they have an issue, even one that the emulator would overlook.
        """
        content = rules.read_text(encoding="utf-8")
        answer = call(
            "PUT",
            self._of(project, f"/databases/{database}:securityRules"),
            {"rules": {"files": [{"name": rules.name, "content": content}]}},
            bearer=OWNER,
        )
        issues = answer.json.get("issues", []) if answer.status == http.client.OK else [answer.text]
        if issues:
            listed = "\n".join(f"    {_issue(issue)}" for issue in issues)
            raise Stop(f"{rules.name} has issues, so nothing is started on it:\n{listed}")

    def register_trigger(
        self, project: str, name: str, event_type: str, document: str, database: str = DEFAULT
    ) -> None:
        """Have events of a document pattern posted to `/functions/projects/<project>/triggers/<name>` of the suite."""
        body = {
            "eventType": event_type,
            "database": database,
            "namespace": "(default)",
            "document": {"value": document, "matchType": "PATH_PATTERN"},
        }
        _ok(
            call("POST", self._of(project, f"/eventarcTrigger?eventarcTriggerId={name}"), body, bearer=OWNER),
            "registering a trigger",
        )

    def clear(self, project: str, database: str = DEFAULT) -> None:
        _ok(
            call("DELETE", self._of(project, f"/databases/{database}/documents"), bearer=OWNER, timeout=120),
            "clearing Firestore",
        )

    def export(self, project: str, folder: Path, *databases: str) -> None:
        """Write the documents to a folder, in place of what was there: of "(default)", of these, and of those it holds."""
        kept = {path.name for path in folder.glob(f"{RESTORED}*")}
        new = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        for each in sorted({DEFAULT, *kept, *databases}):
            body = {
                "database": f"projects/{project}/databases/{each}",
                "export_directory": str(new),
                "export_name": each,
            }
            _ok(
                call("POST", self._of(project, ":export"), body, bearer=OWNER, timeout=120),
                "exporting Firestore",
            )
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)

    def documents(self, project: str, database: str = DEFAULT) -> list[dict[str, Any]]:
        """Every document of a database, as {"name", "fields", "createTime", "updateTime"}."""
        url = f"{self.url}/v1/projects/{project}/databases/{database}/documents:runQuery"
        query = {"structuredQuery": {"from": [{"allDescendants": True}]}}
        found = _ok(call("POST", url, query, bearer=OWNER, timeout=120), "listing the documents").json
        return [each["document"] for each in found if "document" in each]

    def import_(self, project: str, folder: Path) -> None:
        """Read what `export` wrote, if anything, each database's documents into the one of its name."""
        for metadata in folder.glob("**/*.overall_export_metadata"):
            body = {"database": f"projects/{project}/databases/{DEFAULT}", "export_directory": str(metadata)}
            _ok(
                call("POST", self._of(project, ":import"), body, bearer=OWNER, timeout=120),
                "importing Firestore",
            )

    def rules_coverage(self, project: str) -> str:
        return self._of(project, ":ruleCoverage.html")

    def _of(self, project: str, what: str) -> str:
        return f"{self.url}/emulator/v1/projects/{project}{what}"


@dataclass(frozen=True, slots=True)
class Auth:
    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def export(self, project: str, file: Path) -> None:
        """Write all users to a file. Codes that were mailed and not redeemed are not kept."""
        users = _ok(
            call("GET", self._of(project, "/accounts:batchGet?maxResults=10000"), bearer=OWNER),
            "exporting users",
        ).json
        file.write_text(json.dumps(users.get("users", [])), encoding="utf-8")
        file.chmod(0o600)

    def import_(self, project: str, file: Path) -> None:
        """Read what `export` wrote, if anything."""
        users = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
        if users:
            body = {"users": users, "allowOverwrite": True, "sanityCheck": False}
            _ok(
                call("POST", self._of(project, "/accounts:batchCreate"), body, bearer=OWNER),
                "importing users",
            )

    def _of(self, project: str, what: str) -> str:
        return f"{self.url}/identitytoolkit.googleapis.com/v1/projects/{project}{what}"


def start_firestore(
    processes: Processes,
    *,
    java: Path,
    jar: Path,
    port: int,
    websocket_port: int,
    triggers_port: int,
    project: str,
    rules: Path,
    quick_start: bool = True,
) -> Firestore:
    """Start the Firestore emulator. Triggers are posted to `triggers_port` on this machine."""
    child = processes.start(
        "Firestore emulator",
        [
            *(
                java,
                *QUIETLY,
                *(_QUICK_START if quick_start else ()),
                "-Xmx1g"
                if quick_start
                else "-XX:MaxRAMPercentage=40",  # under load it keeps what was deleted
                "-cp",
                jar,
                "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
                "start",
            ),
            *(
                f"--host={HOST}",
                f"--port={port}",
                f"--websocket_port={websocket_port}",
                f"--project_id={project}",
            ),
            *(f"--rules={rules}", f"--functions_emulator={HOST}:{triggers_port}"),
        ],
        env=environment(),
    )
    wait_until(lambda: is_up(f"http://{HOST}:{port}/"), child, seconds=60)
    return Firestore(port)


def start_auth(processes: Processes, *, node: Path, firebase_tools: Path, port: int, project: str) -> Auth:
    """Start the Auth emulator, where an API key is the id of its project."""
    child = processes.start(
        "Auth emulator",
        [node, _AUTH_SCRIPT, firebase_tools, HOST, str(port), project],
        env=environment(NODE_ENV="production"),
    )
    wait_until(lambda: is_up(f"http://{HOST}:{port}/"), child, seconds=90)
    return Auth(port)


def _ok(answer: Answer, doing: str) -> Answer:
    if answer.status != http.client.OK:
        raise Stop(f"An emulator answered {answer.status} when {doing}: {answer.text}")
    return answer


def _issue(issue: object) -> str:
    if not isinstance(issue, dict):
        return str(issue)
    at = issue.get("sourcePosition", {})
    return f"line {at.get('line', '?')}: {issue.get('description', issue)}"
