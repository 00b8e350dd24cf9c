"""Publish a device's statement, its encryption key, or both at once."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.keys import Publication
from common.services import compose

services = compose()
publishing = services.publishing()


@post(services.guarded, Publication, access=Access.PROVEN)
async def publish_key(call: Call[Publication]) -> Response:
    published = await publishing.publish(call.body, call.caller, call.device_key)
    device = {"id": call.caller.device, "state": published.state}
    return json({"head": published.head.json(), "device": device})
