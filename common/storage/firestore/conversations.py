from collections.abc import Sequence
from dataclasses import dataclass

from google.cloud.firestore_v1.types import write

from common.conversations.model import Kind
from common.storage.firestore.client import FirestoreClient, Precondition, Value, Write, creating

_DocumentTransform = write.DocumentTransform.pb()
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
        raise_it = _DocumentTransform.FieldTransform(
            field_path="last_message_at", maximum=Value(integer_value=at)
        )
        transform = _DocumentTransform(
            document=self.client.name("conversations", conversation), field_transforms=[raise_it]
        )
        touched = await self.client.commit(
            Write(transform=transform, current_document=Precondition(exists=True))
        )
        return touched is not None
