from collections.abc import Mapping
from dataclasses import dataclass

from common.errors import Unavailable
from common.messages.model import Message, StoredMessage
from common.storage.firestore.client import FirestoreClient, creating, rfc3339, timestamp
from common.storage.firestore.wire_pb2 import DocumentTransform, Value

_SENT_AT = DocumentTransform.FieldTransform(
    field_path="sent_at", set_to_server_value=DocumentTransform.FieldTransform.REQUEST_TIME
)


@dataclass(frozen=True, slots=True)
class FirestoreMessages:
    """conversations/{cid}/messages/{mid}: one document a message, whatever the number of recipients."""

    client: FirestoreClient

    async def append(self, message: Message) -> StoredMessage:
        path = ("conversations", message.conversation, "messages", message.id)
        create = creating(
            self.client.name(*path),
            {
                "members": message.members,
                "sender_uid": message.sender_uid,
                "sender_device": message.sender_device,
                "expires_at": timestamp(message.expires_at),
                "envelope": message.envelope,
            },
        )
        # The server's time of the commit: a message that commits late must not land behind a reader's cursor.
        create.update_transforms.append(_SENT_AT)
        committed = await self.client.commit(create)
        if committed is not None:
            return StoredMessage(
                sender_uid=message.sender_uid,
                sender_device=message.sender_device,
                envelope=message.envelope,
                sent_at=rfc3339(committed.write_results[0].transform_results[0].timestamp_value),
            )
        stored = await self.find(message.conversation, message.id)
        if stored is None:
            raise Unavailable("The message that stood under this id has just been deleted.")
        return stored

    async def find(self, conversation: str, message_id: str) -> StoredMessage | None:
        document = await self.client.get("conversations", conversation, "messages", message_id)
        return None if document is None else _stored(document.fields)


def _stored(fields: Mapping[str, Value]) -> StoredMessage:
    return StoredMessage(
        sender_uid=fields["sender_uid"].string_value,
        sender_device=fields["sender_device"].string_value,
        envelope=fields["envelope"].string_value,
        sent_at=rfc3339(fields["sent_at"].timestamp_value),
    )
