"""Cloud Storage's JSON API, as far as an archive needs it: objects that are created, listed and read."""

import base64
import json
import re
import threading
from email import message_from_bytes
from typing import Any

import google_crc32c
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from tests.contract.google_server import GoogleServer, Reply, Request, error

PAGE = 2
"""So that whoever lists must turn it."""


class StorageServer(GoogleServer):
    def __init__(self, bucket: str) -> None:
        super().__init__("storage.v1", self._called)
        self.bucket = bucket
        self.kept: dict[str, bytes] = {}
        self.standing = error(412, "conditionNotMet")
        """What is said of an object that is there already."""
        self._lock = threading.Lock()

    def client(self) -> Client:
        return Client("demo", credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url})

    def _called(self, request: Request) -> Reply:
        if request.values["bucket"] != self.bucket:
            return error(404, "notFound")
        with self._lock:
            match request.method:
                case "storage.objects.insert":
                    return self._insert(request)
                case "storage.objects.list":
                    return self._list(request.query)
                case _:
                    return self._get(request)

    def _insert(self, request: Request) -> Reply:
        assert request.query["uploadType"] == "multipart"
        head = b"content-type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
        parts: Any = message_from_bytes(head + request.body).get_payload()
        told, content = json.loads(parts[0].get_payload()), parts[1].get_payload(decode=True)
        assert isinstance(content, bytes)
        assert told["crc32c"] == crc32c(content)
        if request.query["ifGenerationMatch"] != "0" or told["name"] in self.kept:
            return self.standing
        self.kept[told["name"]] = content
        return Reply(200, self._resource(told["name"]))

    def _list(self, query: dict[str, str]) -> Reply:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        found: list[tuple[str, str]] = []
        for name in sorted(self.kept):
            rest = name.removeprefix(prefix)
            if not name.startswith(prefix):
                continue
            if delimiter and delimiter in rest:
                entry = ("prefixes", prefix + rest.partition(delimiter)[0] + delimiter)
            else:
                entry = ("items", name)
            if entry not in found:
                found.append(entry)
        start = int(query.get("pageToken") or 0)
        page = found[start : start + PAGE]
        told: dict[str, Any] = {
            "prefixes": [name for kind, name in page if kind == "prefixes"],
            "items": [self._resource(name) for kind, name in page if kind == "items"],
        }
        if found[start + PAGE :]:
            told["nextPageToken"] = str(start + PAGE)
        return Reply(200, _only(told, query["fields"]))

    def _get(self, request: Request) -> Reply:
        assert request.query["alt"] == "media"
        name = request.values["object"]
        if name not in self.kept:
            return error(404, "notFound")
        content = self.kept[name]
        headers = {"x-goog-hash": f"crc32c={crc32c(content)}", "x-goog-generation": "1"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        if asked is None:
            return Reply(200, content, headers)
        start, end = int(asked[1]), int(asked[2])
        if start >= len(content):
            return error(416, "requestedRangeNotSatisfiable")
        part = content[start : end + 1]
        headers["content-range"] = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        return Reply(206, part, headers)

    def _resource(self, name: str) -> dict[str, Any]:
        content = self.kept[name]
        size, checksum = str(len(content)), crc32c(content)
        return {
            "name": name,
            "size": size,
            "crc32c": checksum,
            "generation": "1",
            "metadata": {"more": "than"},
        }


def crc32c(content: bytes) -> str:
    return base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()


def _only(told: dict[str, Any], fields: str) -> dict[str, Any]:
    """What a partial answer holds: `fields` as this API takes it, one level deep."""
    kept: dict[str, Any] = {}
    for name, members in re.findall(r"(\w+)(?:\(([^)]*)\))?", fields):
        if name in told:
            wanted = members.split(",")
            kept[name] = (
                [{key: item[key] for key in wanted} for item in told[name]] if members else told[name]
            )
    return kept
