from dataclasses import dataclass

from common.clock import Clock
from common.conversations.model import NewConversation, Started
from common.conversations.ports import ConversationStore, LiveConversations
from common.conversations.statements import NAME, SignedCreation, read_creation
from common.errors import InvalidRequest
from common.identity import Caller
from common.jose import SIGNING, RsaKey, is_now
from common.restores import Restores, may_be_lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    store: ConversationStore
    live: LiveConversations
    restores: Restores
    clock: Clock

    async def start(self, request: NewConversation, caller: Caller, device_key: RsaKey) -> Started:
        """Create a conversation, or return the one that stands there: the other side or another device was first.

        One that a restore may have lost comes back by the same statement, which any member may bring.

        Raises:
            InvalidRequest, NotFound: see common.conversations.statements and ConversationStore.create; or the statement
                was not issued now by the caller's device.
        """
        now = self.clock()
        read = read_creation(request.statement, caller)
        creation = read.verified_by(await self._signer(read, caller, device_key, now))
        started = await self.store.create(creation, caller.uid, now)
        await self.live.put(creation.id, creation.kind, creation.members)
        return started

    async def _signer(self, read: SignedCreation, caller: Caller, device_key: RsaKey, now: float) -> RsaKey:
        made = read.creation
        own = (made.creator, made.device) == (caller.uid, caller.device)
        if own and is_now(made.issued_at, now):
            return device_key
        if not may_be_lost(made.issued_at, await self.restores.restores()):
            raise InvalidRequest(f"{NAME} must be issued now, and of the caller's account and device.")
        modulus = await self.store.signing_key(made.creator, made.device)
        if modulus is None:
            raise InvalidRequest(f"{NAME} must be of a device that its creator has or had.")
        alg, use = SIGNING
        return RsaKey(n=modulus, alg=alg, use=use)

    async def note_message(self, conversation: str, sent_at: int) -> bool:
        """Remember when something was last said (`sent_at` in ms).

        Deliveries may come twice and in any order: the time only ever rises. False if there is no such conversation.
        """
        return await self.live.touch(conversation, sent_at)
