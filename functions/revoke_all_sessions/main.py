"""End every session of the caller's account, the caller's own last."""

from starlette.responses import Response

from common.http import Access, Call, empty, post
from common.services import compose
from common.sessions import EndingOfAll

services = compose()
admission = services.admission


@post(services.guarded, EndingOfAll, access=Access.PROVEN_ACTIVE)
async def revoke_all_sessions(call: Call[EndingOfAll]) -> Response:
    await admission.end_all(call.caller)
    return empty()
