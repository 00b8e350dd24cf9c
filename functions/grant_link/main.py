"""Add the device that asks for it to the account's key chain."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.keys import LinkGrant
from common.services import compose

services = compose()
linking = services.linking()


@post(services.guarded, LinkGrant, access=Access.PROVEN_ACTIVE)
async def grant_link(call: Call[LinkGrant]) -> Response:
    head = await linking.grant(call.body, call.caller, call.device_key)
    return json({"head": head.json()})
