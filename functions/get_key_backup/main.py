"""Give out a sealed backup of the account's history keys, and leave a line about it."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.recovery import BackupQuery
from common.services import compose

services = compose()
recovery = services.recovery()


@post(services.guarded, BackupQuery, access=Access.PROVEN_ACTIVE)
async def get_key_backup(call: Call[BackupQuery]) -> Response:
    found = await recovery.read(call.body, call.caller)
    return json(found.json())
