"""Every package that requirements.in names is used, here is where, and no other one is."""

import ast
import sys
from pathlib import Path

import pytest

from tests.functions.alone import NATIVE
from tests.functions.arena import Arena

ROOT = Path(__file__).parents[2]

IMPORTED = {
    "functions-framework": ("functions_framework", "common/http/edge.py"),
    "starlette": ("starlette", "common/http/edge.py"),
    "cloudevents": ("cloudevents", "common/events/documents.py"),
    "uvicorn": ("uvicorn", "common/suite/__main__.py"),
    "msgspec": ("msgspec", "common/http/body.py"),
    "pyjwt": ("jwt", "common/sessions/tokens.py"),
    "cryptography": ("cryptography", "common/jose/rsa_key.py"),
    "firebase-admin": ("firebase_admin", "common/storage/auth.py"),
    "httpx": ("httpx", "common/storage/auth.py"),
    "google-auth[requests]": ("google.auth", "common/storage/scheduler.py"),
    "google-api-core[grpc]": ("google.api_core", "common/storage/firestore/channels.py"),
    "google-cloud-firestore": ("google.cloud.firestore_v1", "common/storage/firestore/restored.py"),
    "google-cloud-storage": ("google.cloud.storage", "common/storage/backups/bucket.py"),
    "google-crc32c": ("google_crc32c", "common/storage/backups/folder.py"),
    "grpcio": ("grpc", "common/storage/firestore/client.py"),
    "protobuf": ("google.protobuf", "common/storage/firestore/events.py"),
    "cloud-sql-python-connector": ("google.cloud.sql.connector", "common/storage/postgres/connect.py"),
    "asyncpg": ("asyncpg", "common/storage/postgres/dialling.py"),
    "pg8000": ("pg8000", "common/storage/postgres/connection.py"),
    "pyyaml": ("yaml", "common/suite/manifest.py"),
}
"""The module that a package is imported by, and a file of ours that does so."""

ALSO = {"google.oauth2", "google.cloud.firestore_admin_v1"}
"""Modules that come with google-auth and google-cloud-firestore."""

KNOWN = {"common", *ALSO, *(module for module, _ in IMPORTED.values()), *sys.stdlib_module_names}
"""What common/ and functions/ may import."""

LOADED = {"uvloop": "uvloop/loop.", "httptools": "httptools/parser/parser."}
"""Packages that the server uses because they are there, and what a process that does so has loaded."""


def named() -> set[str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / "requirements.in").read_text().splitlines())
    return {line for line in lines if line}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_what_a_falling_server_forgets_is_a_rate_limit_alone() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("common/**/*.py")
        if any(is_of(name, "common.storage.postgres.statements") for name in imports(path))
    }
    assert users == {"common/storage/postgres/permits.py", "common/services.py"}


def is_of(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def test_every_package_that_is_named_is_used_somewhere() -> None:
    assert IMPORTED.keys() | LOADED.keys() == named()
    assert set(LOADED.values()) == NATIVE


@pytest.mark.parametrize("package", IMPORTED)
def test_a_package_is_imported_where_it_is_used(package: str) -> None:
    module, path = IMPORTED[package]
    assert any(is_of(name, module) for name in imports(ROOT / path))


def test_every_package_that_is_imported_is_named() -> None:
    files = [*ROOT.glob("common/**/*.py"), *ROOT.glob("functions/*/main.py")]
    imported = {name for file in files for name in imports(file)}
    assert {name for name in imported if not any(is_of(name, module) for module in KNOWN)} == set()


@pytest.mark.parametrize("package", LOADED)
def test_a_package_that_nobody_imports_serves_every_call(arena: Arena, package: str) -> None:
    """So do the workers of functions-framework: see test_composition."""
    process = Path(f"/proc/{arena.child.process.pid}/maps")
    if not process.exists():
        pytest.skip("needs /proc")
    assert LOADED[package] in process.read_text(encoding="utf-8")
