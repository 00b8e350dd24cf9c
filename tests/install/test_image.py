"""The suite's image, built from its Dockerfile and run, without a daemon: by buildah, on a base that mmdebstrap makes.

The base is Debian's own Python in the place of the Dockerfile's, so that no registry is asked for anything.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.needs import need

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim"
IMAGE = "localhost/sealpost"
ENVIRONMENT = {
    "GOOGLE_CLOUD_PROJECT": "demo-sealpost",
    "SEALPOST_URL": "https://api.sealpost.example",
    "POSTGRES_INSTANCE": "demo-sealpost:europe-west1:sealpost",
    "POSTGRES_USER": "fn-suite@demo-sealpost.iam",
    "POSTGRES_DATABASE": "sealpost",
    "SIGNING_KEYS_SECRET": "projects/demo-sealpost/secrets/signing-keys",
    "VERIFICATION_KEYS_SECRET": "projects/demo-sealpost/secrets/verification-keys",
    "INDEX_KEY_FILE": "/tmp/index-key",  # noqa: S108 - in the container
    "REVOCATIONS_BUCKET": "demo-sealpost-revocations",
    "SCHEDULER_ACCOUNT": "tr-suite@demo-sealpost.iam.gserviceaccount.com",
    "EVENTS_ACCOUNT": "tr-suite@demo-sealpost.iam.gserviceaccount.com",
}
LOOK = """
import asyncio, os, pathlib, sys, urllib.error, urllib.request
pathlib.Path("/tmp/index-key").write_text("A" * 43)
import subprocess, time
server = subprocess.Popen(sys.argv[1:])
def status(path, method="GET"):
    try:
        return urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8080" + path, method=method)).status
    except urllib.error.HTTPError as error:
        return error.code
for _ in range(300):
    try:
        if status("/health") == 200:
            break
    except OSError:
        time.sleep(0.1)
print("health", status("/health"))
print("route", status("/v1/send_message"))
print("event", status("/events/on_message_created", "POST"))
print("backup", status("/v1/daily_backup", "POST"))
print("user", os.getuid(), os.getgid())
print("writable", [p for p in ("/suite", "/venv", "/suite/common") if os.access(p, os.W_OK)])
sources = [p for root in ("/suite", "/venv/lib") for p in pathlib.Path(root).rglob("*.py")]
lacking = [str(p) for p in sources if p.parts[1] == "suite" and not list((p.parent / "__pycache__").glob(p.stem + ".*.pyc"))]
print("uncompiled", lacking)
print("beside", sorted(os.listdir("/suite")))
server.terminate()
"""


class Builder:
    """buildah with a store of its own."""

    def __init__(self, store: Path) -> None:
        self._buildah = [
            need("buildah"),
            f"--root={store / 'root'}",
            f"--runroot={store / 'run'}",
            "--storage-driver=vfs",
        ]

    def __call__(self, *words: str, seconds: float = 600) -> str:
        done = subprocess.run(  # noqa: S603 - the words are ours
            [*self._buildah, *words], capture_output=True, check=False, timeout=seconds, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()


def as_pip_here() -> Sequence[str]:
    """How pip finds its index on this machine, told to a build."""
    files = [Path("/etc/pip.conf"), Path("/etc/ssl/certs/ca-certificates.crt")]
    mounts = [f"--volume={path}:{path}:ro" for path in files if path.is_file()]
    return [*mounts, *(f"--env={name}={os.environ[name]}" for name in os.environ if name.startswith("PIP_"))]


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    need("buildah")
    mmdebstrap = need("mmdebstrap")
    if os.geteuid() != 0:
        pytest.skip("needs root, to build in a chroot")
    folder = tmp_path_factory.mktemp("image")
    base = folder / "base.tar"
    made = subprocess.run(  # noqa: S603 - a tool of the machine's
        [
            mmdebstrap,
            "--variant=minbase",
            "--include=python3,python3-venv,python3-pip,ca-certificates",
            "bookworm",
            base,
        ],
        capture_output=True,
        check=False,
        timeout=600,
        text=True,
    )
    if made.returncode != 0:
        pytest.skip(f"mmdebstrap could make no base: {made.stderr.strip().splitlines()[-1]}")
    builder = Builder(folder)
    container = builder("from", "scratch")
    builder("add", "--quiet", container, str(base), "/")
    builder("run", "--isolation=chroot", container, "ln", "-s", "python3", "/usr/bin/python")
    builder("commit", "--quiet", container, BASE)
    yield builder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(900)
def test_the_image_is_built_and_answers(builder: Builder) -> None:
    builder(
        "build", "--isolation=chroot", "--pull-never", "--quiet", *as_pip_here(), "-f", str(ROOT / "deploy/Dockerfile"),
        "-t", IMAGE, str(ROOT),
    )  # fmt: skip
    container = builder("from", "--pull-never", IMAGE)
    environment = [f"--env={name}={value}" for name, value in ENVIRONMENT.items()]
    command = ["python", "-m", "common.suite", "--host", "0.0.0.0", "--port", "8080"]  # noqa: S104 - in the container
    said = builder("run", "--isolation=chroot", *environment, container, "python", "-c", LOOK, *command)
    assert [line for line in said.splitlines() if not line.startswith("{")] == [
        "health 200",
        "route 405",
        "event 401",
        "backup 401",
        "user 10001 10001",
        "writable []",
        "uncompiled []",
        "beside ['common', 'functions', 'functions.yaml']",
    ]
    told = builder("inspect", "--format", "{{.OCIv1.Config.User}} {{.OCIv1.Config.Cmd}}", IMAGE)
    assert told == f"10001:10001 [{' '.join(command)}]"
