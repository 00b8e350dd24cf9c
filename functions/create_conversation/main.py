"""Create a conversation of two people or with oneself by a signed statement, or answer with the one that stands there."""

from starlette.responses import Response

from common.conversations import NewConversation
from common.http import Access, Call, json, post
from common.services import compose

services = compose()
conversations = services.conversations()


@post(services.guarded, NewConversation, access=Access.ACTIVE)
async def create_conversation(call: Call[NewConversation]) -> Response:
    started = await conversations.start(call.body, call.caller, call.device_key)
    return json(started.json())
