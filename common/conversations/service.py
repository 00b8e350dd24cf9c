from dataclasses import dataclass

from common.clock import Clock
from common.conversations.model import NewConversation, Started
from common.conversations.ports import ConversationStore, LiveConversations
from common.conversations.statements import read_creation
from common.identity import Caller
from common.jose import RsaKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    store: ConversationStore
    live: LiveConversations
    clock: Clock

    async def start(self, request: NewConversation, caller: Caller, device_key: RsaKey) -> Started:
        """Create a conversation, or return the one that stands there: the other side or another device was first.

        Raises:
            InvalidRequest, NotFound: see common.conversations.statements and ConversationStore.create.
        """
        now = self.clock()
        creation = read_creation(request.statement, caller, device_key, now)
        started = await self.store.create(creation, now)
        await self.live.put(creation.id, creation.kind, creation.members)
        return started

    async def note_message(self, conversation: str, sent_at: int) -> bool:
        """Remember when something was last said (`sent_at` in ms).

        Deliveries may come twice and in any order: the time only ever rises. False if there is no such conversation.
        """
        return await self.live.touch(conversation, sent_at)
