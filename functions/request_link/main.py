"""Ask for the caller's new device to be linked: an active device of the account can grant it for ten minutes."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.keys import LinkRequest
from common.services import compose

services = compose()
linking = services.linking()


@post(services.guarded, LinkRequest, access=Access.PROVEN)
async def request_link(call: Call[LinkRequest]) -> Response:
    expires_at = await linking.request(call.body, call.caller, call.device_key)
    return json({"expires_at": expires_at})
