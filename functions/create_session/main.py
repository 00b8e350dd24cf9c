"""Open a session for a device that proves its key and redeems a mailed code."""

from starlette.responses import Response

from common.http import Call, json, post
from common.services import compose
from common.sessions import NewSession

services = compose()
sessions = services.sessions()


@post(services.public, NewSession)
async def create_session(call: Call[NewSession]) -> Response:
    opened = await sessions.begin(call.body, call.target, call.network)
    return json(opened.json() | {"firebase": services.firebase(opened.custom_token)})
