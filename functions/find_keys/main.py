"""Look up what accounts and conversations have published."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.keys import LookUp
from common.services import compose

services = compose()
keys = services.keys()


@post(services.guarded, LookUp, access=Access.ACTIVE)
async def find_keys(call: Call[LookUp]) -> Response:
    found = await keys.find(call.body, call.caller)
    return json(found.json())
