"""Erasing an account for good: so that no restore of a backup brings it back."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.accounts.ports import Documents, Erasure, ErasureList, Users

_AT_ONCE = 100
"""Documents deleted in one commit of Firestore, which takes 500 writes at most."""


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
        sessions = await self.relations.sessions(uid)
        await self._delete(uid, sessions)
        was_there = await self.relations.erase(uid)
        await self._delete(uid, sessions)  # one may have been renewed in between
        await self.users.delete(uid)
        return was_there

    async def _delete(self, uid: str, sessions: Sequence[str]) -> None:
        for start in range(0, len(sessions), _AT_ONCE):
            await self.documents.delete(uid, *sessions[start : start + _AT_ONCE])
