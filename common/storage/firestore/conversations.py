from collections.abc import Sequence
from dataclasses import dataclass

from common.conversations.model import Kind
from common.storage.firestore.client import FirestoreClient, creating
from common.storage.firestore.wire_pb2 import DocumentTransform, Precondition, Value, Write

_VERSION = 1


@dataclass(frozen=True, slots=True)
class FirestoreConversations:
    """conversations/{cid}: who is in a conversation and when something was last said in it."""

    client: FirestoreClient

    async def put(self, conversation: str, kind: Kind, members: Sequence[str]) -> None:
        name = self.client.name("conversations", conversation)
        fields = {"members": list(members), "kind": kind, "version": _VERSION, "last_message_at": 0}
        await self.client.commit(creating(name, fields))

    async def touch(self, conversation: str, at: int) -> bool:
        # Maximum on the server: no read, no transaction, and events in any order come to the same.
        raise_it = DocumentTransform.FieldTransform(
            field_path="last_message_at", maximum=Value(integer_value=at)
        )
        transform = DocumentTransform(
            document=self.client.name("conversations", conversation), field_transforms=[raise_it]
        )
        touched = await self.client.commit(
            Write(transform=transform, current_document=Precondition(exists=True))
        )
        return touched is not None
