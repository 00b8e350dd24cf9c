"""A service that does only what a test asks of it, what it writes into its log and its databases, and two people in it."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pg8000.native
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from jwt.algorithms import ECAlgorithm

from scripts.local.emulators import OWNER
from scripts.local.layout import Layout
from scripts.local.ports import HOST, Ports, free_port
from scripts.local.processes import Child, Processes, wait_until
from scripts.local.stack import DATABASE, Backing, rules, start_python, suite_environment
from scripts.local.web import call, is_up
from tests.functions.exchange import PATIENCE, Answer, Ask, Connection, exchange
from tests.signing import Key, encryption_key, first_device, key, proof

Snapshot = dict[str, list[str]]
"""Every row of every table that is kept, every document, and every user, each as text."""

_TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
KEPT = f"{_TABLES} and relpersistence = 'p'"
"""Names the tables that outlive a crash."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person with one active device, and what the service gave them when they came."""

    address: str
    signing: Key
    wrapping: Key
    uid: str
    session: str
    access_token: str
    refresh_token: str
    head: tuple[int, str]
    statement: str
    encryption_key: str


@dataclass(frozen=True)
class Arena:
    url: str
    project: str
    database: str
    child: Child
    backing: Backing
    environment: Mapping[str, str]
    """Of the service's process."""
    members: dict[str, Member] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    """Mailed to Alice. The last one was not used yet."""
    listening: int = 0
    """Where the process listens, if that is not where its URL says."""

    @property
    def port(self) -> int:
        return self.listening or int(self.url.rpartition(":")[2])

    @cached_property
    def sql(self) -> pg8000.native.Connection:
        return self.backing.postgres.connect(self.database)

    @cached_property
    def token_key(self) -> tuple[str, EllipticCurvePrivateKey]:
        """The key that the service signs access tokens with, by its kid."""
        jwk = json.loads(self.backing.keys.signing_keys.read_text(encoding="ascii"))["keys"][0]
        made = ECAlgorithm.from_jwk(jwk)
        assert isinstance(made, EllipticCurvePrivateKey)
        return jwk["kid"], made

    @property
    def unused_code(self) -> str:
        """A code for Alice's address."""
        return self.codes[-1]

    def renew_code(self) -> None:
        self.codes.append(self.code(self.members["alice"].address))

    @property
    def backups(self) -> Path:
        """The folder that backups are written to."""
        return Path(self.environment["BACKUP_FOLDER"])

    @property
    def scheduler_token(self) -> str:
        return self.backing.keys.scheduler_token.read_text(encoding="ascii").strip()

    def ask(self, ask: Ask | bytes) -> Answer:
        """Send a request. It has one line in the log, which knows it by the id that the answer bears."""
        with self.logged() as lines:
            answer = exchange(self.port, ask)
        assert [line["request_id"] for line in calls(lines)] == [answer.headers["x-request-id"]], lines
        assert calls(lines)[0]["status"] == answer.status
        return answer

    @contextmanager
    def logged(self) -> Iterator[list[dict[str, Any]]]:
        """The lines that the service writes meanwhile, every one of them JSON."""
        lines: list[dict[str, Any]] = []
        before = self.child.log.stat().st_size
        yield lines
        with self.child.log.open("rb") as log:
            log.seek(before)
            lines.extend(json.loads(line) for line in log.read().splitlines())

    def settle(self) -> None:
        """Wait until the service has seen everything that was sent to it before: it handles one thing at a time."""
        for _ in range(2):
            with Connection(self.port) as connection:
                connection.write(bytes(Ask("GET", "/health")))
                connection.answer()

    def wait_for_line(self, begun: int) -> None:
        """Wait until the log, `begun` bytes of which are known, says what became of a call."""
        end = time.monotonic() + PATIENCE
        while b'"status"' not in self.child.log.read_bytes()[begun:]:
            assert time.monotonic() < end, "the call does not end"
            time.sleep(0.01)

    def snapshot(self) -> Snapshot:
        """What is kept. Used proofs and limits are not: a call that is refused may have counted."""
        return self.rows(KEPT) | {"documents": self.documents(), "users": self._users()}

    def rows(self, tables: str = _TABLES) -> Snapshot:
        names = [row[0] for row in self.sql.run(tables)]
        one = "select '{0}', coalesce(array_agg(t::text order by t::text), '{{}}') from {0} t"
        return dict(self.sql.run(" union all ".join(one.format(name) for name in names)))

    def documents(self) -> list[str]:
        path = f"v1/projects/{self.project}/databases/(default)/documents:runQuery"
        query = {"structuredQuery": {"from": [{"allDescendants": True}]}}
        found = call("POST", f"{self.backing.firestore.url}/{path}", query, bearer=OWNER).json
        return sorted(json.dumps(row["document"], sort_keys=True) for row in found if "document" in row)

    def _users(self) -> list[str]:
        path = f"identitytoolkit.googleapis.com/v1/projects/{self.project}/accounts:batchGet?maxResults=1000"
        users = call("GET", f"{self.backing.auth.url}/{path}", bearer=OWNER).json.get("users", [])
        return sorted(user["localId"] for user in users)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Whatever happens meanwhile changes nothing in either database, and makes no user."""
        before = self.snapshot()
        yield
        assert self.snapshot() == before

    def code(self, address: str) -> str:
        """A code that was just mailed to this address. The Auth emulator knows it sooner than a mailbox full of others."""
        self.sql.run("delete from rate_limits")
        assert self.ask(self.post("sign_up", {"email": address})).status == 202
        codes = call("GET", f"{self.backing.auth.url}/emulator/v1/projects/{self.project}/oobCodes").json[
            "oobCodes"
        ]
        return [str(code["oobCode"]) for code in codes if code["email"] == address][-1]

    def post(self, function: str, members: Any, token: str | None = None) -> Ask:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return Ask("POST", f"/v1/{function}", headers, json.dumps(members).encode())

    def proof(self, function: str, device: Key, credential: str) -> str:
        """A new proof by `device` for one call of `function`."""
        url = f"{self.url}/v1/{function}"
        jti = uuid.uuid4().hex
        return proof(device, url=url, credential=credential, now=time.time(), audience=self.url, jti=jti)

    def begin(self, address: str, signing: Key) -> dict[str, Any]:
        """A new session of this address on the device."""
        code = self.code(address)
        body = {"email": address, "code": code, "device": signing.jwk()}
        body["proof"] = self.proof("create_session", signing, code)
        answer = self.ask(self.post("create_session", body))
        assert answer.status == 200, answer.text
        return answer.json

    def enter(self, name: str) -> Member:
        """Sign a person in for the first time; their device is active."""
        address = f"{name}-{uuid.uuid4().hex[:8]}@example.com"
        signing, wrapping = key(f"{name}_signing"), key(f"{name}_encryption")
        opened = self.begin(address, signing)
        now, token = time.time(), opened["access_token"]
        statement = first_device(signing, opened["uid"], now)
        wrapped = encryption_key(signing, wrapping, opened["uid"], now)
        body = {"statement": statement, "encryption_key": wrapped}
        body["proof"] = self.proof("publish_key", signing, token)
        answer = self.ask(self.post("publish_key", body, token))
        assert answer.status == 200, answer.text
        head = answer.json["head"]
        member = Member(
            address=address,
            signing=signing,
            wrapping=wrapping,
            uid=opened["uid"],
            session=opened["session_id"],
            access_token=token,
            refresh_token=opened["refresh_token"],
            head=(head["seq"], head["hash"]),
            statement=statement,
            encryption_key=wrapped,
        )
        self.members[name] = member
        return member


def calls(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines about calls, without those that say what went wrong in one."""
    return [line for line in lines if "status" in line]


def start_arena(
    processes: Processes,
    layout: Layout,
    backing: Backing,
    name: str,
    *,
    seen_through: Ports | None = None,
    settings: Mapping[str, str] | None = None,
) -> Arena:
    """A project, a database and a service without triggers. `settings` stand above the usual ones.

    `seen_through` are the ports that the service is told of, where something stands in front of the parts.

    Raises:
        Stop: the service failed.
    """
    project = f"demo-{name}-{uuid.uuid4().hex[:6]}"
    database, port = project.replace("-", "_"), free_port()
    url = f"http://{HOST}:{port}"
    backing.postgres.create(database, template=DATABASE)
    backing.firestore.load_rules(project, rules(layout))
    told = replace(backing, ports=seen_through or backing.ports)
    environment = {
        **suite_environment(layout, told, project=project, dsn=told.postgres.dsn(database), url=url),
        "BACKUP_FOLDER": str(backing.data / "backups" / project),
        "REVOCATIONS_FOLDER": str(backing.data / "revocations" / project),
        **(settings or {}),
    }
    child = start_python(
        processes,
        layout,
        f"Suite {project}",
        "common.suite",
        *("--host", HOST, "--port", str(port)),
        env=environment,
    )
    wait_until(lambda: is_up(f"{url}/health"), child, seconds=60)
    return Arena(url, project, database, child, backing, environment)
