"""Let the device that wishes to reset the caller's account not do it."""

from starlette.responses import Response

from common.http import Access, Call, empty, post
from common.keys import Veto
from common.services import compose

services = compose()
vetoing = services.vetoing()


@post(services.guarded, Veto, access=Access.PROVEN_ACTIVE)
async def veto_reset(call: Call[Veto]) -> Response:
    await vetoing.veto(call.caller)
    return empty()
