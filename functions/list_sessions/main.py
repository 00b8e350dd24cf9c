"""List the living sessions of the caller's account."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.services import compose
from common.sessions import Paging

services = compose()
overview = services.overview()


@post(services.guarded, Paging, access=Access.ACTIVE)
async def list_sessions(call: Call[Paging]) -> Response:
    page = await overview.page(call.body, call.caller)
    return json(page.json())
