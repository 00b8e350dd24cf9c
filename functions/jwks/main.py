"""Publish the keys that verify access tokens (RFC 7517)."""

from starlette.responses import Response

from common.http import Call, get, json
from common.services import compose

services = compose()
keys = services.token_keys


@get(services.public)
async def jwks(_: Call[None]) -> Response:
    return json({"keys": keys.published()}, public_for=300)
