"""What each function loads when its instance starts: cold start is a feature, and libraries are what it costs."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

LIBRARIES = {
    "PostgreSQL": "pg8000",
    "single statements": "asyncpg",
    "Firestore": "grpc",
    "Firebase": "firebase_admin",
    "Google's credentials": "google.auth",
    "SMTP": "smtplib",
}

LOADS: dict[str, set[str]] = {
    "jwks": set(),
    "open_link": set(),
    "sign_up": {"PostgreSQL", "Firebase", "SMTP", "Google's credentials"},
    "create_session": {"PostgreSQL", "Firebase", "Google's credentials", "Firestore"},
    "refresh_session": {"PostgreSQL", "Firebase", "Google's credentials", "Firestore"},
    "revoke_session": {"PostgreSQL", "Google's credentials", "Firestore"},
    "publish_key": {"PostgreSQL", "Google's credentials", "Firestore"},
    "resubmit_statements": {"PostgreSQL", "Google's credentials", "Firestore"},
    "find_keys": {"PostgreSQL"},
    "create_conversation": {"PostgreSQL", "Firestore"},
    "send_message": {"single statements", "Firestore"},
    "on_message_created": {"PostgreSQL", "Firestore"},
    "daily_backup": {"Google's credentials"},
    "check_backup": {"Google's credentials"},
    "rotate_signing_key": {"Google's credentials"},
    "request_link": {"PostgreSQL"},
    "get_link_request": {"PostgreSQL"},
    "grant_link": {"PostgreSQL"},
    "get_link_grant": {"PostgreSQL"},
    "veto_reset": {"PostgreSQL"},
    "list_sessions": {"PostgreSQL"},
    "name_session": {"PostgreSQL"},
    "revoke_all_sessions": {"PostgreSQL", "Google's credentials", "Firestore"},
    "list_audit": {"PostgreSQL"},
    "save_key_backup": {"PostgreSQL"},
    "get_key_backup": {"PostgreSQL"},
    "set_discovery": {"PostgreSQL"},
}

SHARED = 545
"""Modules that all functions load, the standard library's among them: each takes its part of a cold start."""
MODULES = {
    "PostgreSQL": 85,
    "single statements": 30,
    "Firestore": 75,
    "Firebase": 125,
    "Google's credentials": 165,
    "SMTP": 55,
}
"""What each library may add."""
CHANNEL = 545
"""What the channel to Google's Firestore may load by itself, gRPC and the interpreter's own modules among it."""
SCHEDULED = {"rotate_signing_key": 725, "daily_backup": 825, "check_backup": 825}
"""Functions that load Google's client for tokens and more, and whose start nobody waits for."""

HEAVY = {*LIBRARIES.values(), "google.auth", "google.protobuf", "requests", "httpx", "aiohttp"}

NEVER = {
    "google.cloud.sql": "the Cloud SQL connector, before the first connection to an instance",
    "google.cloud.firestore": "Firestore's client library: a stub and the messages do",
    "google.cloud.firestore_v1": "its messages: wire.proto has what we use",
    "google.cloud.storage": "Cloud Storage, which firebase_admin offers",
    "uvicorn": "the server, which is not the functions' own",
    "yaml": "the manifest's parser",
    "pytest": "tests",
    "jwcrypto": "the client's library",
    "sealpost": "the client",
}


@dataclass(frozen=True)
class Loaded:
    modules: set[str]
    """By their first three names."""
    count: int
    """Of all modules."""


def loaded(scratch: Path) -> dict[str, Loaded]:
    """What every function has loaded, and under "" what all of them share."""
    for name in ("index", "scheduler"):
        (scratch / name).write_text("A" * 43)
    (scratch / "smtp").write_text("smtp://127.0.0.1:1")
    environment = {
        "PATH": os.environ["PATH"],
        "GOOGLE_CLOUD_PROJECT": "demo-sealpost",
        "SEALPOST_URL": "http://127.0.0.1:1",
        "POSTGRES_DSN": "postgresql://sealpost@127.0.0.1:1/sealpost",
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
        "INDEX_KEY_FILE": str(scratch / "index"),
        "SIGNING_KEYS_FILE": str(scratch / "signing"),
        "VERIFICATION_KEYS_FILE": str(scratch / "verifying"),
        "SCHEDULER_TOKEN_FILE": str(scratch / "scheduler"),
        "SMTP_URL_FILE": str(scratch / "smtp"),
        "BACKUP_FOLDER": str(scratch),
        "REVOCATIONS_FOLDER": str(scratch),
    }
    command = [sys.executable, str(Path(__file__).with_name("loading.py")), str(ROOT), str(scratch)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)  # noqa: S603 - our own script
    assert done.returncode == 0, done.stderr.decode()
    answers = json.loads(done.stdout).items()
    return {name: Loaded(set(answer["modules"]), answer["count"]) for name, answer in answers}


def test_functions_load_what_they_need_and_no_more(tmp_path: Path) -> None:
    """One test, because it takes some seconds of CPU to find out."""
    answers = loaded(tmp_path)
    modules = {name: answer.modules for name, answer in answers.items()}
    shared = modules.pop("")
    assert HEAVY & shared == set(), "what all functions share is light"
    assert {
        name: {library for library, module in LIBRARIES.items() if module in found}
        for name, found in modules.items()
    } == LOADS
    assert {name: found & NEVER.keys() for name, found in modules.items()} == {name: set() for name in LOADS}
    assert {name: answer.count for name, answer in answers.items() if answer.count > most(name)} == {}


def test_the_channel_to_google_brings_credentials_and_no_more() -> None:
    code = (
        "from common.storage.firestore import channels; channels.to_google(); import sys; print(*sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - our own line
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    modules = set(done.stdout.decode().split())
    assert modules >= {"google.auth", "google.api_core.grpc_helpers_async"}
    assert {name for name in modules if name.startswith("google.cloud.")} == set()
    assert len(modules) < CHANNEL


def test_what_is_loaded_stays_shared_with_the_workers() -> None:
    """A collection in a worker would touch, and so copy, whatever it looks at."""
    code = """
import gc, os
from common.services import compose
compose().guarded
loaded = len(gc.get_objects())
if os.fork() == 0:
    print(len(gc.get_objects()) < loaded / 100, gc.get_threshold()[0], flush=True)
    os._exit(0)
os.wait()
"""
    environment = {"GOOGLE_CLOUD_PROJECT": "demo-sealpost", "SEALPOST_URL": "http://127.0.0.1:1"}
    done = subprocess.run(  # noqa: S603 - our own lines
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode().split() == ["True", "10000"]


def most(function: str) -> int:
    """How many modules it may load: a twentieth more than it did when this was written."""
    libraries = LOADS.get(function, set())
    return SCHEDULED.get(function) or SHARED + sum(MODULES[library] for library in libraries)
