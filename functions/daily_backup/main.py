"""Start the backup of both databases, once a day however often the scheduler calls."""

from starlette.responses import Response

from common.events import scheduled
from common.http import json
from common.services import compose

services = compose()
backups = services.backups()


@scheduled(services.scheduler)
async def daily_backup() -> Response:
    outcome = await backups.begin()
    return json({"name": outcome.name, "state": outcome.state})
