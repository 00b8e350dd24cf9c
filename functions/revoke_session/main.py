"""End a session of the caller's account: it sends nothing and begins no read any more."""

from starlette.responses import Response

from common.http import Access, Call, empty, post
from common.services import compose
from common.sessions import Ending

services = compose()
admission = services.admission


@post(services.guarded, Ending, access=Access.PROVEN)
async def revoke_session(call: Call[Ending]) -> Response:
    await admission.end(call.caller, call.body.session_id)
    return empty()
