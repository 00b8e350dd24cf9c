"""Keep a sealed backup of the account's history keys."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.recovery import NewBackup
from common.services import compose

services = compose()
recovery = services.recovery()


@post(services.guarded, NewBackup, access=Access.PROVEN_ACTIVE, limit=128 * 1024)
async def save_key_backup(call: Call[NewBackup]) -> Response:
    saved = await recovery.save(call.body, call.caller)
    return json({"n": saved.n, "hash": saved.hash})
