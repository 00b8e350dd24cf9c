"""List what happened to the caller's account."""

from starlette.responses import Response

from common.audit import Reading
from common.http import Access, Call, json, post
from common.services import compose

services = compose()
audit = services.audit()


@post(services.guarded, Reading, access=Access.ACTIVE)
async def list_audit(call: Call[Reading]) -> Response:
    page = await audit.page(call.body, call.caller)
    return json(page.json())
