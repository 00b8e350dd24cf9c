"""Raise a conversation's last_message_at when a message is stored. Safe to call twice and out of order."""

from common.events import DocumentChange, on_document
from common.services import compose

services = compose()
conversations = services.conversations()


@on_document(services.events)
async def on_message_created(change: DocumentChange) -> None:
    conversation = change.path[1]
    await conversations.note_message(conversation, change.milliseconds("sent_at"))
