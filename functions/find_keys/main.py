"""Look up what accounts and conversations have published."""

from starlette.responses import Response

from common.directory import LookUp
from common.http import Access, Call, json, post
from common.services import compose

services = compose()
directory = services.directory()


@post(services.guarded, LookUp, access=Access.ACTIVE)
async def find_keys(call: Call[LookUp]) -> Response:
    found = await directory.find(call.body, call.caller)
    return json(found.json())
