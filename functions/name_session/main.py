"""Call a session of the caller's account by a name, or by none."""

from starlette.responses import Response

from common.http import Access, Call, empty, post
from common.services import compose
from common.sessions import Naming

services = compose()
overview = services.overview()


@post(services.guarded, Naming, access=Access.ACTIVE)
async def name_session(call: Call[Naming]) -> Response:
    await overview.name(call.body, call.caller)
    return empty()
