"""Erasing an account for good: so that no restore of a backup brings it back."""

from dataclasses import dataclass

from common.accounts.ports import Documents, Erasure, ErasureList, Users


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    erased: ErasureList
    relations: Erasure
    documents: Documents
    users: Users

    async def erase(self, uid: str) -> bool:
        """Whether there was such an account. What failed halfway may be done again.

        Messages stay with those who received them, until they expire; so does the Firebase user that proves the
        account's mailbox, which is found by its address alone.

        Raises:
            Unavailable, DeadlineExceeded: something of it is not done yet.
        """
        await self.erased.note_account(uid)
        await self.documents.delete(uid, *await self.relations.sessions(uid))
        was_there = await self.relations.erase(uid)
        await self.users.delete(uid)
        return was_there
