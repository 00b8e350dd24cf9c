from typing import Any

import msgspec
from starlette.responses import Response

_PRIVATE = {"cache-control": "no-store"}


def json(value: dict[str, Any], status: int = 200, *, public_for: int = 0) -> Response:
    """A JSON answer; `public_for` seconds in shared caches, otherwise in none."""
    caching = {"cache-control": f"public, max-age={public_for}"} if public_for else _PRIVATE
    return Response(
        msgspec.json.encode(value), status_code=status, headers=caching, media_type="application/json"
    )


def empty() -> Response:
    """204 No Content."""
    return Response(status_code=204, headers=_PRIVATE)


def page(html: str, *, policy: str) -> Response:
    """A page under the content security policy `policy`, which neither caches nor tells where the reader came from."""
    headers = {
        **_PRIVATE,
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Response(html, media_type="text/html", headers=headers)
