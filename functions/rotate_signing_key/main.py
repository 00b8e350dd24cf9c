"""Turn the ring of keys that sign access tokens, once an hour at most however often the scheduler calls."""

from starlette.responses import Response

from common.events import scheduled
from common.http import json
from common.services import compose

services = compose()
rotation = services.rotation()


@scheduled(services.scheduler)
async def rotate_signing_key() -> Response:
    return json({"made": await rotation.run()})
