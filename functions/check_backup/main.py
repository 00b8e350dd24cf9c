"""Follow the newest backup, and mark it complete or failed once that is known."""

from starlette.responses import Response

from common.events import scheduled
from common.http import json
from common.services import compose

services = compose()
backups = services.backups()


@scheduled(services.scheduler)
async def check_backup() -> Response:
    outcome = await backups.check()
    if outcome is None:
        return json({"name": None, "state": "none", "reason": None})
    return json({"name": outcome.name, "state": outcome.state, "reason": outcome.reason})
