"""Store one sealed message: one SQL statement, one Firestore commit."""

from starlette.responses import Response

from common.http import Access, Call, json, post
from common.messages import NewMessage
from common.services import compose

services = compose()
messages = services.messages()


@post(services.guarded, NewMessage, access=Access.TOKEN, limit=128 * 1024)
async def send_message(call: Call[NewMessage]) -> Response:
    return json({"sent_at": await messages.send(call.body, call.caller)})
