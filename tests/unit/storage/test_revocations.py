"""The revocation list in a folder, and in a bucket that a local server plays."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from common.errors import DeadlineExceeded, Unavailable
from common.settings import Settings, SettingsError
from common.storage.revocations import BucketList, FolderList, revocation_list_of

SETTINGS = {"GOOGLE_CLOUD_PROJECT": "p", "SEALPOST_URL": "https://s.example"}


async def test_a_folder_keeps_the_first_of_each_name(tmp_path: Path) -> None:
    kept = FolderList(tmp_path / "list")
    for content in (b"first", b"second"):
        await kept.add("sessions/-x_9", content)
    await kept.add("accounts/u", b"gone")
    written = sorted((tmp_path / "list").glob("*/*"))
    assert [(path.parent.name, path.name, path.read_bytes()) for path in written] == [
        ("accounts", "u", b"gone"),
        ("sessions", "-x_9", b"first"),
    ]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file")
    with pytest.raises(Unavailable):
        await FolderList(tmp_path).add("sessions/x", b"")


class Bucket(BaseHTTPRequestHandler):
    """Cloud Storage as far as https://cloud.google.com/storage/docs/json_api/v1/objects/insert says of a media upload."""

    objects: dict[str, bytes]
    status = 200
    seconds = 0.0

    def do_POST(self) -> None:
        place, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        content = self.rfile.read(int(self.headers["Content-Length"]))
        threading.Event().wait(self.seconds)
        status, name = self.status, query["name"][0]
        assert (place, query["uploadType"]) == ("/upload/storage/v1/b/p-revocations/o", ["media"])
        assert query["ifGenerationMatch"] == ["0"]
        if status == requests.codes.ok and name in self.objects:
            status = requests.codes.precondition_failed
        if status == requests.codes.ok:
            self.objects[name] = content
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@pytest.fixture
def bucket() -> Iterator[tuple[type[Bucket], BucketList]]:
    kind = type("OneBucket", (Bucket,), {"objects": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        api = f"http://127.0.0.1:{server.server_address[1]}"
        with requests.Session() as session:
            yield kind, BucketList("p-revocations", api=api, session=session)
        server.shutdown()


async def test_a_bucket_keeps_each_note_below_its_name(bucket: tuple[type[Bucket], BucketList]) -> None:
    kind, kept = bucket
    for content in (b"first", b"second"):
        await kept.add("sessions/-x_9", content)
    assert {name.rpartition("/")[0] for name in kind.objects} == {"sessions/-x_9"}
    assert sorted(kind.objects.values()) == [b"first", b"second"]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_a_bucket_that_refuses_is_unavailable(
    bucket: tuple[type[Bucket], BucketList], status: int
) -> None:
    kind, kept = bucket
    kind.status = status
    with pytest.raises(Unavailable, match=str(status)):
        await kept.add("sessions/x", b"")


async def test_a_bucket_that_is_slow_or_gone(
    bucket: tuple[type[Bucket], BucketList], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, kept = bucket
    monkeypatch.setattr("common.storage.revocations._SECONDS", 0.1)
    kind.seconds = 0.5
    with pytest.raises((DeadlineExceeded, Unavailable)):
        await kept.add("sessions/x", b"")
    kept.api = "http://127.0.0.1:1"
    with pytest.raises(Unavailable):
        await kept.add("sessions/x", b"")


def test_the_settings_name_one_place(tmp_path: Path) -> None:
    folder, bucket = {"REVOCATIONS_FOLDER": str(tmp_path)}, {"REVOCATIONS_BUCKET": "p-revocations"}
    assert isinstance(revocation_list_of(Settings.from_environment(SETTINGS | folder)), FolderList)
    assert isinstance(revocation_list_of(Settings.from_environment(SETTINGS | bucket)), BucketList)
    for neither_or_both in ({}, folder | bucket):
        with pytest.raises(SettingsError, match="REVOCATIONS_BUCKET"):
            revocation_list_of(Settings.from_environment(SETTINGS | neither_or_both))
