"""Give back statements of a key chain that a restore has lost."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.keys import Resubmission
from common.services import compose

services = compose()
resubmitting = services.resubmitting()


@post(services.guarded, Resubmission, access=Access.TOKEN, limit=128 * 1024)
async def resubmit_statements(call: Call[Resubmission]) -> Response:
    head = await resubmitting.resubmit(call.body, call.caller)
    return json({"head": head.json()})
