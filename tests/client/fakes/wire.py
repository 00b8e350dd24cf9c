"""What travels between the client and the service in memory."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from sealpost.protocol import encoding

URL = "https://sealpost.example"
CODE = "code-code-code-code"
Json = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def claims(compact: str) -> Json:
    """The payload of a JWS, unchecked."""
    payload: Json = json.loads(encoding.b64decode(compact.split(".")[1]))
    return payload


def problem(status: int, code: str, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    document = {
        "type": f"urn:sealpost:problem:{code}",
        "title": code,
        "status": status,
        "request_id": "r1",
    } | members
    return httpx.Response(
        status, json=document, headers={"Content-Type": "application/problem+json"} | (headers or {})
    )


def head_of(account: Json) -> Json | None:
    if not account["statements"]:
        return None
    hashes = [encoding.digest(statement) for statement in account["statements"]]
    resets = [
        seq for seq, one in enumerate(account["statements"]) if "." in one and claims(one)["act"] == "reset"
    ]
    return {
        "uid": account["uid"],
        "root": hashes[max(resets, default=0)],
        "seq": len(hashes) - 1,
        "hash": hashes[-1],
    }


def iso(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
