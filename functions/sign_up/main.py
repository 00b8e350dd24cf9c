"""Mail a sign-in link to an address. New and known addresses are answered alike."""

from starlette.responses import Response

from common.accounts import SignUp
from common.http import Call, json, post
from common.services import compose

services = compose()
accounts = services.accounts()


@post(services.public, SignUp)
async def sign_up(call: Call[SignUp]) -> Response:
    await accounts.mail_link(call.body.address, call.network)
    return json({}, 202)
