"""The download of the Firestore emulator, from a server of our own."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.local import jar
from scripts.local.layout import Layout
from scripts.local.say import Step, Stop


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose emulator.jar is what `jar.fetch` would get."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "emulator.jar").write_bytes(b"a jar")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(jar, "URL", f"http://127.0.0.1:{server.server_port}/emulator.jar")
        monkeypatch.setattr(jar, "SHA256", hashlib.sha256(b"a jar").hexdigest())
        yield folder
        server.shutdown()


def test_the_right_file_is_kept(served: Path, tmp_path: Path) -> None:
    assert served.is_dir()
    layout = Layout(tmp_path / "checkout")
    jar.fetch(layout, Step("jar"))
    assert (layout.parts / "emulator.jar").read_bytes() == b"a jar"


def test_another_file_is_not(served: Path, tmp_path: Path) -> None:
    (served / "emulator.jar").write_bytes(b"a changed jar")
    layout = Layout(tmp_path / "checkout")
    with pytest.raises(Stop, match="is not the file it should be"):
        jar.fetch(layout, Step("jar"))
    assert list(layout.parts.iterdir()) == []


def test_a_download_that_fails_says_where_else_the_emulator_comes_from(served: Path, tmp_path: Path) -> None:
    (served / "emulator.jar").unlink()
    with pytest.raises(
        Stop, match=r"cannot be downloaded.*gcloud components install cloud-firestore-emulator"
    ):
        jar.fetch(Layout(tmp_path / "checkout"), Step("jar"))


def test_a_jar_that_is_named_and_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_JAR", "/no/such.jar")
    with pytest.raises(Stop, match=r"names /no/such\.jar, which is no file"):
        jar.find(Layout(tmp_path))
