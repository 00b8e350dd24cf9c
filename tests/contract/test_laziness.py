"""Workers fork after their modules are loaded: until the first call no adapter may hold a thread, a socket or a channel."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, os, sys, threading
from pathlib import Path
{imports}
{makes}
sockets = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink() and os.readlink(fd).startswith("socket:")]
print(json.dumps({{"threads": threading.active_count(), "sockets": len(sockets), "modules": sorted(sys.modules)}}))
"""

POSTGRES = """
from common.storage.postgres.connect import cloud_sql, plain
from common.storage.postgres.pool import Pool
from common.storage.postgres import audit, chains, conversations, dead_events, directory, permits, quotas, sessions
"""
FIRESTORE = """
from common.storage.firestore.client import FirestoreClient
from common.storage.firestore import conversations, events, messages, sessions
"""
AUTH = "from common.storage.auth import FirebaseUsers"
MAIL = "from common.storage.mail import SmtpMailer, SmtpServer"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts sockets in /proc")
@pytest.mark.parametrize(
    ("imports", "makes", "never"),
    [
        (
            POSTGRES,
            "Pool(connect=plain('postgresql://u@127.0.0.1:1/d'), size=4)",
            ["google.auth", "grpc", "firebase_admin"],
        ),
        (
            POSTGRES,
            "Pool(connect=cloud_sql('p:r:i', 'u', 'd'), size=4)",
            ["google.cloud.sql", "aiohttp", "grpc"],
        ),
        (FIRESTORE, "FirestoreClient('demo', '127.0.0.1:1')", ["pg8000", "firebase_admin"]),
        (FIRESTORE, "FirestoreClient('demo', None)", ["pg8000", "firebase_admin"]),
        (AUTH, "FirebaseUsers('demo', 'key', None)", ["pg8000", "grpc"]),
        (
            MAIL,
            "SmtpMailer(server=SmtpServer.from_url('smtp://h'), sender='a@b')",
            ["firebase_admin", "grpc"],
        ),
    ],
)
def test_loading_and_making_an_adapter_connects_nothing(imports: str, makes: str, never: list[str]) -> None:
    program = PROGRAM.format(imports=imports, makes=makes)
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    assert (found["threads"], found["sockets"]) == (1, 0)
    assert not set(never) & set(found["modules"])
