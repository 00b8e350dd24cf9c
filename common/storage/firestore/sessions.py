from dataclasses import dataclass

from common.identity import Caller
from common.storage.firestore.client import FirestoreClient, deleting, setting, timestamp


@dataclass(frozen=True, slots=True)
class FirestoreSessions:
    """accounts/{uid}/sessions/{sid}, which stands there while the session may read.

    The rules look at expires_at too: TTL may take a day to delete.
    """

    client: FirestoreClient

    async def put(self, caller: Caller, *, expires_at: float) -> None:
        name = self.client.name("accounts", caller.uid, "sessions", caller.session)
        await self.client.commit(
            setting(name, {"device": caller.device, "expires_at": timestamp(expires_at)})
        )

    async def delete(self, uid: str, *sessions: str) -> None:
        names = (self.client.name("accounts", uid, "sessions", session) for session in sessions)
        await self.client.commit(*(deleting(name) for name in names))
