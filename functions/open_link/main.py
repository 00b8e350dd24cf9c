"""Show the code of a mailed link, so that its owner can copy it."""

from starlette.responses import Response

from common.accounts import LINK_PAGE, LINK_PAGE_POLICY
from common.http import Call, get, page
from common.services import compose

services = compose()


@get(services.public)
async def open_link(_: Call[None]) -> Response:
    return page(LINK_PAGE, policy=LINK_PAGE_POLICY)
