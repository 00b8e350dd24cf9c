"""Synapse, Matrix' reference server, from PyPI, with its data in the stand's PostgreSQL and its rate limits off."""

import hashlib
import hmac
import json
import secrets
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from scripts.local.layout import Layout
from scripts.local.pip import CURE
from scripts.local.ports import HOST, free_port
from scripts.local.processes import wait_until
from scripts.local.say import Progress, Stop
from scripts.local.tools import environment, run
from scripts.local.web import call, is_up
from scripts.measuring.load.requests import GAP, Request, render
from scripts.measuring.stand import Served, Stand

LOCK = Path(__file__).with_name("synapse.txt")
NAME = "Synapse"

ROOMS = 40
_SECRET = "a-benchmark-on-loopback"  # noqa: S105 - of a server that lives for minutes
_CIPHERTEXT = 1_600
"""Bytes in base64 of an event: about as long as our envelope."""


def fetch(layout: Layout, progress: Progress) -> None:
    """Install it into an environment of its own.

    Raises:
        Stop: pip failed.
    """
    folder = _folder(layout)
    if (folder / "whole").is_file():
        return
    command: list[str | Path] = [_python(layout), "-m", "pip", "install", "--quiet"]
    with progress.step(f"{NAME} from PyPI"):
        venv.create(folder, clear=True, symlinks=True, with_pip=True)
        run(
            [*command, "--require-hashes", "--no-deps", "-r", LOCK],
            env=environment(PIP_CACHE_DIR=str(layout.cache / "pip"), PIP_DISABLE_PIP_VERSION_CHECK="1"),
            cure=CURE,
        )
        (folder / "whole").touch()


@contextmanager
def served(stand: Stand) -> Iterator[Served]:
    """Started and answering, its database made anew.

    Raises:
        Stop: it does not start.
    """
    port, folder = free_port(), stand.data / "synapse"
    folder.mkdir(exist_ok=True)
    stand.backing.postgres.drop("synapse")
    connection = stand.backing.postgres.connect()
    connection.run("create database synapse encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0")
    connection.close()
    config = folder / "homeserver.yaml"
    homeserver: list[str | Path] = [_python(stand.layout), "-m", "synapse.app.homeserver"]
    run(
        [
            *homeserver,
            *(
                "--server-name",
                "bench.local",
                "--report-stats=no",
                "--generate-config",
                "--config-path",
                config,
            ),
        ],
        env=environment(),
        cwd=folder,
        cure="",
    )
    _adapt(config, port, stand.backing.ports.postgres)
    child = stand.processes.start(NAME, [*homeserver, "-c", config], env=environment(), cwd=folder)
    try:
        wait_until(lambda: is_up(f"http://{HOST}:{port}/_matrix/client/versions"), child, seconds=90)
        yield Served(child, port)
    finally:
        stand.processes.stop(child)


def rooms(port: int, count: int = ROOMS) -> list[dict[str, str]]:
    """Rooms of two, encryption on: the token of who sends, the room, the token of who receives."""
    base, made = f"http://{HOST}:{port}/_matrix/client/v3", []
    for _ in range(count):
        sender, _ = _register(port)
        receiver, name = _register(port)
        encryption = {"algorithm": "m.megolm.v1.aes-sha2"}
        body = {
            "preset": "trusted_private_chat",
            "invite": [name],
            "is_direct": True,
            "initial_state": [{"type": "m.room.encryption", "state_key": "", "content": encryption}],
        }
        room = _ok("POST", f"{base}/createRoom", body, sender)["room_id"]
        _ok("POST", f"{base}/join/{quote(room)}", {}, receiver)
        made.append({"sender": sender, "room": room, "receiver": receiver})
    return made


def requests(made: list[dict[str, str]]) -> list[Request]:
    """A send in each room."""
    return [
        render(
            "PUT",
            f"/_matrix/client/v3/rooms/{quote(one['room'])}/send/m.room.encrypted/{GAP}",
            {"Authorization": f"Bearer {one['sender']}"},
            json.dumps(event()),
        )
        for one in made
    ]


def event() -> dict[str, Any]:
    """The content of an encrypted event, whose ciphertext nobody opens here."""
    return {
        "algorithm": "m.megolm.v1.aes-sha2",
        "sender_key": secrets.token_urlsafe(32),
        "session_id": secrets.token_urlsafe(32),
        "device_id": "ABCDEFGHIJ",
        "ciphertext": secrets.token_urlsafe(_CIPHERTEXT),
    }


def _register(port: int) -> tuple[str, str]:
    """A new user's token and name, by the shared secret (Synapse's admin API, "Register users")."""
    url, user = f"http://{HOST}:{port}/_synapse/admin/v1/register", f"u{secrets.token_hex(6)}"
    nonce = _ok("GET", url)["nonce"]
    signed = f"{nonce}\0{user}\0password\0notadmin".encode()
    body = {"nonce": nonce, "username": user, "password": "password", "admin": False}
    mac = hmac.new(_SECRET.encode(), signed, hashlib.sha1).hexdigest()
    made = _ok("POST", url, {**body, "mac": mac})
    return str(made["access_token"]), str(made["user_id"])


def _ok(method: str, url: str, body: object = None, token: str | None = None) -> dict[str, Any]:
    answer = call(method, url, body, bearer=token, timeout=60)
    if answer.status >= 300:  # noqa: PLR2004
        raise Stop(f"{NAME} answered {answer.status} to {url}: {answer.text}")
    found: dict[str, Any] = answer.json
    return found


def _adapt(config: Path, port: int, postgres: int) -> None:
    """Its own defaults, but for where it listens and stores, and without what would slow a benchmark on purpose."""
    wanted: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))
    much = {"per_second": 1e6, "burst_count": 1_000_000}
    resources = [{"compress": False, "names": ["client"]}]
    wanted["listeners"] = [
        {"bind_addresses": [HOST], "port": port, "type": "http", "tls": False, "resources": resources}
    ]
    server = {
        "user": "postgres",
        "dbname": "synapse",
        "host": HOST,
        "port": postgres,
        "cp_min": 5,
        "cp_max": 10,
    }
    wanted["database"] = {"name": "psycopg2", "args": server}
    wanted |= dict.fromkeys(("rc_message", "rc_registration", "rc_room_creation"), much)
    wanted["rc_login"] = {"address": much, "account": much, "failed_attempts": much}
    wanted["rc_joins"] = {"local": much, "remote": much}
    wanted["rc_joins_per_room"] = much
    wanted["rc_invites"] = {"per_room": much, "per_user": much, "per_issuer": much}
    wanted["presence"] = {"enabled": False}
    wanted["trusted_key_servers"] = []
    wanted["registration_shared_secret"] = _SECRET
    config.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    for log in config.parent.glob("*.log.config"):
        log.write_text(
            log.read_text(encoding="utf-8").replace("level: INFO", "level: WARNING"), encoding="utf-8"
        )


def _folder(layout: Layout) -> Path:
    return layout.part("synapse", LOCK)


def _python(layout: Layout) -> Path:
    return _folder(layout) / "bin" / "python"
