"""The Firestore emulator over REST, as the function (owner) or as a user with an ID token."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

LISTENER_LIMIT = 100


def id_token(project: str, uid: str, **claims: Any) -> str:
    """An unsigned ID token: the emulator takes it as Firebase's own."""

    def part(value: Mapping[str, Any]) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    payload = {
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "sub": uid,
        "user_id": uid,
        "auth_time": 1,
        "iat": 1,
        "exp": 4_000_000_000,
        "firebase": {"sign_in_provider": "custom", "identities": {}},
        **claims,
    }
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(payload)}."


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a project, seen by whoever holds `token` (None: nobody, signed out)."""

    http: httpx.AsyncClient
    project: str
    token: str | None

    @property
    def root(self) -> str:
        return f"projects/{self.project}/databases/(default)/documents"

    async def status(self, method: str, path: str, body: Any = None, **query: str) -> int:
        return (await self._call(method, f"{self.root}/{path}", body, **query)).status_code

    async def get(self, path: str) -> int:
        return await self.status("GET", path)

    async def browse(self, path: str, *, limit: int) -> int:
        return await self.status("GET", path, pageSize=str(limit))

    async def create(self, path: str, fields: Mapping[str, Any]) -> int:
        parent, _, name = path.rpartition("/")
        return await self.status("POST", parent, {"fields": fields}, documentId=name)

    async def put(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        """Write documents, by path, in one commit."""
        writes = [
            {"update": {"name": f"{self.root}/{path}", "fields": fields}}
            for path, fields in documents.items()
        ]
        answer = await self._call("POST", f"{self.root}:commit", {"writes": writes})
        answer.raise_for_status()

    async def query(self, query: Mapping[str, Any], parent: str = "") -> tuple[int, list[str]]:
        """Run a structured query; the status and the ids of the documents found."""
        answer = await self._call("POST", f"{self.root}{parent}:runQuery", {"structuredQuery": query})
        if answer.status_code != httpx.codes.OK:
            return answer.status_code, []
        names = [row["document"]["name"] for row in answer.json() if "document" in row]
        return answer.status_code, [name.rpartition("/")[2] for name in names]

    async def _call(self, method: str, path: str, body: Any, **query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.http.request(method, f"/v1/{path}", json=body, params=query, headers=headers)


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def texts(*values: str) -> dict[str, Any]:
    return {"arrayValue": {"values": [text(value) for value in values]}}


def time(value: str) -> dict[str, Any]:
    return {"timestampValue": value}


def addressed_to(
    uid: str | None, *, limit: int | None = LISTENER_LIMIT, since: str | None = None
) -> dict[str, Any]:
    """The listener's query: all messages addressed to `uid`, in the order of their times."""
    filters: list[dict[str, Any]] = []
    if uid is not None:
        filters.append(
            {"fieldFilter": {"field": {"fieldPath": "members"}, "op": "ARRAY_CONTAINS", "value": text(uid)}}
        )
    if since is not None:
        filters.append(
            {
                "fieldFilter": {
                    "field": {"fieldPath": "sent_at"},
                    "op": "GREATER_THAN_OR_EQUAL",
                    "value": time(since),
                }
            }
        )
    query: dict[str, Any] = {
        "from": [{"collectionId": "messages", "allDescendants": True}],
        "orderBy": [{"field": {"fieldPath": "sent_at"}, "direction": "ASCENDING"}],
    }
    if filters:
        query["where"] = {"compositeFilter": {"op": "AND", "filters": filters}}
    if limit is not None:
        query["limit"] = limit
    return query
