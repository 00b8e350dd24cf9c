"""Let strangers find the caller's account, or nobody but those in a conversation with it."""

from starlette.responses import Response

from common.directory import Visibility
from common.http import Access, Call, empty, post
from common.services import compose

services = compose()
disclosure = services.disclosure()


@post(services.guarded, Visibility, access=Access.ACTIVE)
async def set_discovery(call: Call[Visibility]) -> Response:
    await disclosure.change(call.body, call.caller)
    return empty()
