"""Tell a new device whether it was linked, and once it was, show it its chain."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.keys import Nothing
from common.services import compose

services = compose()
linking = services.linking()


@post(services.guarded, Nothing, access=Access.TOKEN)
async def get_link_grant(call: Call[Nothing]) -> Response:
    joining = await linking.joining(call.caller)
    return json(joining.json())
