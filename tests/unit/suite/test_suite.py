import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from common import telemetry
from common.errors import Unavailable
from common.suite.app import Suite
from common.suite.manifest import ROOT, Manifest

MANIFEST = """
defaults: {environment: {SHARED: shared, OTHER: shared}}
functions:
  greet: {trigger: {http: {route: /v1/greet, method: GET}}, environment: {OTHER: own}}
  nightly: {trigger: {schedule: {route: /v1/nightly}}}
  note: {trigger: {firestore: {event: e, document: d}}}
"""
HTTP = """
import functions_framework.aio
@functions_framework.aio.http
async def NAME(request):
    return f"NAME at {request.url.path}"
"""
EVENT = """
import functions_framework.aio
@functions_framework.aio.cloud_event
async def note(event):
    return None
"""
EVENT_HEADERS = {"ce-id": "1", "ce-type": "t", "ce-source": "s", "ce-specversion": "1.0"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A deployment of three functions; the process is given back as it was."""
    (tmp_path / "functions.yaml").write_text(MANIFEST)
    for name, source in {"greet": HTTP, "nightly": HTTP, "note": EVENT}.items():
        folder = tmp_path / "functions" / name
        folder.mkdir(parents=True)
        (folder / "main.py").write_text(source.replace("NAME", name))
    monkeypatch.setattr(telemetry, "configure", lambda: None)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setitem(sys.modules, "main", sys.modules[__name__])
    before = dict(os.environ)
    os.environ.pop("FIRESTORE_EMULATOR_HOST", None)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


def client(suite: Suite) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(suite), base_url="http://suite")


async def test_every_function_answers_on_its_own_route(root: Path) -> None:
    api = client(Suite(root))
    assert (await api.get("/v1/greet?x=1")).text == "greet at /v1/greet"
    assert (await api.post("/v1/nightly")).text == "nightly at /v1/nightly"


async def test_the_suite_is_alive(root: Path) -> None:
    response = await client(Suite(root)).get("/health")
    assert (response.status_code, response.text) == (200, "ok\n")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/greet/",
        "/v1/greet/more",
        "/V1/greet",
        "//v1/greet",
        "/v1/note",
        "/robots.txt",
    ],
)
async def test_there_is_nothing_else(root: Path, path: str) -> None:
    response = await client(Suite(root)).get(f"http://suite{path}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:sealpost:problem:not-found"


async def test_firestores_calls_are_taken_beside_an_emulator_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/functions/projects/demo/triggers/note"
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo")
    assert (await client(Suite(root)).post(path, headers=EVENT_HEADERS)).status_code == 404
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    api = client(Suite(root))
    assert (await api.post(path, headers=EVENT_HEADERS)).status_code == 200
    assert (await api.post(path.replace("demo", "other"), headers=EVENT_HEADERS)).status_code == 404


async def test_firestores_calls_are_taken_with_their_accounts_token(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify(token: str) -> bool:
        if token == "busy":
            raise Unavailable("Google's signing keys cannot be fetched.")
        return token == "firestores"

    monkeypatch.setattr("common.suite.app.compose", lambda: SimpleNamespace(event_caller=lambda: verify))
    monkeypatch.setenv("EVENTS_ACCOUNT", "events@demo.iam.gserviceaccount.com")
    api = client(Suite(root))

    async def status(authorization: str) -> int:
        headers = EVENT_HEADERS | ({"authorization": authorization} if authorization else {})
        return (await api.post("/events/note", headers=headers)).status_code

    calls = ["Bearer firestores", "Bearer other", "firestores", "", "Bearer busy"]
    assert [await status(call) for call in calls] == [200, 401, 401, 401, 503]
    assert (
        await api.post("/events/greet", headers={"authorization": "Bearer firestores"})
    ).status_code == 404
    assert (await api.get("/events/note", headers={"authorization": "Bearer firestores"})).status_code == 405


def test_functions_share_their_environment(root: Path) -> None:
    manifest = Manifest.read(root)
    assert {function.name: function.environment["OTHER"] for function in manifest.functions} == {
        "greet": "own",
        "nightly": "shared",
        "note": "shared",
    }
    Suite(root)
    assert os.environ["SHARED"] == "shared"


def test_the_real_manifest_names_sources_that_exist() -> None:
    manifest = Manifest.read()
    assert all(function.source.is_file() for function in manifest.functions)
    assert all(function.source.is_relative_to(ROOT) for function in manifest.functions)
    assert {function.method for function in manifest.functions} == {"GET", "POST"}
    assert manifest.environment["FUNCTION_USE_ASGI"] == "true"
