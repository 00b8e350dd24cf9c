"""Rotate a session's refresh token and issue a new access token."""

from starlette.responses import Response

from common.http import Call, json, post
from common.services import compose
from common.sessions import Renewal

services = compose()
sessions = services.sessions()


@post(services.public, Renewal)
async def refresh_session(call: Call[Renewal]) -> Response:
    opened = await sessions.renew(call.body, call.target)
    return json(opened.json() | {"firebase": services.firebase(opened.custom_token)})
