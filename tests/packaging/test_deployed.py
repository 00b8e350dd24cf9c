"""Every staged function, run by the deployed environment outside of the checkout: only what was staged can be imported."""

import base64
import json
import shutil
import uuid
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from common.suite.manifest import Manifest
from scripts.local.emulators import OWNER
from scripts.local.layout import ROOT, Layout
from scripts.local.ports import HOST
from scripts.local.say import Stop
from scripts.local.stack import Backing
from scripts.local.web import call
from tests.packaging.conftest import Serve
from tests.packaging.deployed import imported, install

MANIFEST = Manifest.read(ROOT)
EVENT: dict[str, Any] = json.loads(Path(__file__).with_name("event.json").read_text(encoding="utf-8"))
"""What the Firestore emulator sent when a message was created: its header fields, and its body in base64."""

on_http = pytest.mark.parametrize("name", [one.name for one in MANIFEST.functions if one.route])
on_event = pytest.mark.parametrize("name", [one.name for one in MANIFEST.functions if not one.route])


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    host, _, port = url.removeprefix("http://").partition(":")
    connection = HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("POST", "/", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@on_http
def test_an_http_function_answers_for_its_health(serve: Serve, staging: Path, name: str) -> None:
    with serve(staging / name) as url:
        answer = call("GET", f"{url}/health")
    assert (answer.status, answer.text) == (200, "ok\n")


@on_event
def test_an_event_function_handles_a_recorded_event(
    serve: Serve, staging: Path, backing: Backing, name: str
) -> None:
    """The recorded message's conversation is there, and hears when something was last said in it."""
    project = f"demo-packaging-{uuid.uuid4().hex[:6]}"
    conversation = EVENT["headers"]["ce-document"].split("/")[1]
    documents = f"http://{HOST}:{backing.ports.firestore}/v1/projects/{project}/databases/(default)/documents/conversations"
    fields = {"last_message_at": {"integerValue": "0"}}
    made = call("POST", f"{documents}?documentId={conversation}", {"fields": fields}, bearer=OWNER)
    assert made.status == 200
    with serve(staging / name, GOOGLE_CLOUD_PROJECT=project) as url:
        assert post(url, EVENT["headers"], base64.b64decode(EVENT["body"])) == 200
    heard = call("GET", f"{documents}/{conversation}", bearer=OWNER).json
    assert int(heard["fields"]["last_message_at"]["integerValue"]) == EVENT["sent_at"]


def test_nothing_of_the_checkout_can_be_imported(python: Path, staging: Path, manifest: Manifest) -> None:
    folder = staging / manifest.functions[0].name
    ours = ["common", "main", "functions", "scripts", "tests", "sealpost"]
    assert imported(python, folder, ours) == ["common", "main"]
    assert imported(python, folder, ["pytest", "pip", "jwcrypto"]) == []


def test_a_function_that_lacks_a_file_does_not_run(serve: Serve, staging: Path, tmp_path: Path) -> None:
    """So what runs above runs on what was staged."""
    folder = tmp_path / "jwks"
    shutil.copytree(staging / folder.name, folder)
    (folder / "common" / "errors.py").unlink()
    with (
        pytest.raises(Stop, match=r"No module named 'common\.errors'"),
        serve(folder),
    ):
        pass


def test_a_requirement_without_its_hash_is_refused(
    layout: Layout, python_version: str, tmp_path: Path
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("msgspec==0.19.0\n")
    with pytest.raises(Stop, match="hash"):
        install(layout, python_version, requirements, tmp_path)
