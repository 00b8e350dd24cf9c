"""Show an active device which new one asks to be linked to its account."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.keys import Nothing
from common.services import compose

services = compose()
linking = services.linking()


@post(services.guarded, Nothing, access=Access.ACTIVE)
async def get_link_request(call: Call[Nothing]) -> Response:
    link = await linking.waiting(call.caller)
    return json({"request": link and link.json()})
