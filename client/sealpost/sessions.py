"""The sessions of one's account: which there are, what they are called, and their end."""

import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sealpost import paging
from sealpost.errors import NotSignedIn, UsageError
from sealpost.session import Session

_LONGEST_NAME = 64
_BREAKING = {"Cc", "Zl", "Zp"}
"""Categories of control characters, and of what ends a line or a paragraph."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A living session, as the service tells of it. `seen_at` is when it began or was renewed last.

    `device` is the device's id; `name` is exact: make it harmless before it reaches a terminal.
    """

    id: str
    device: str
    name: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """What the service says of the account's sessions. Sessions are meant by their id, or by how it begins."""

    session: Session

    def list(self) -> Iterator[SessionInfo]:
        """Newest first."""
        for entry in paging.entries(self.session.call, "list_sessions", "sessions"):
            yield SessionInfo(
                id=paging.text(entry.get("session_id")),
                device=paging.text(entry.get("device")),
                name=paging.optional_text(entry.get("name")),
                created_at=paging.time(entry.get("created_at")),
                seen_at=paging.time(entry.get("seen_at")),
                expires_at=paging.time(entry.get("expires_at")),
                current=entry.get("current") is True,
            )

    def name(self, session_id: str, name: str | None) -> SessionInfo:
        """Calls a session by a name of the person's own, or by none. The service can read it."""
        if name is not None and (
            not 1 <= len(name) <= _LONGEST_NAME
            or any(unicodedata.category(character) in _BREAKING for character in name)
        ):
            raise UsageError(
                f"A session's name has 1 to {_LONGEST_NAME} characters and stands in one line.",
                cure="For example: sealpost sessions name 3fA9 'old laptop'",
            )
        meant = self._meant(session_id)
        self.session.call("name_session", {"session_id": meant.id, "name": name})
        return meant

    def revoke(self, session_id: str) -> SessionInfo:
        """Ends a session; one's own too, which is to sign out."""
        meant = self._meant(session_id)
        if meant.id == self.session.tokens().session_id:
            self.session.end()
        else:
            self.session.proved("revoke_session", session_id=meant.id)
        return meant

    def revoke_all(self) -> None:
        """Ends every session of the account, this one too: each device needs a new link then.

        Sessions that have ended are no failure: a first call whose answer was lost may have ended them.
        """
        with suppress(NotSignedIn):
            self.session.proved("revoke_all_sessions")
        self.session.forget()

    def _meant(self, beginning: str) -> SessionInfo:
        found = [one for one in self.list() if one.id.startswith(beginning)] if beginning else []
        exact = [one for one in found if one.id == beginning]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            raise UsageError(
                f"{len(found)} sessions begin with {beginning}.", cure="Give more of the session's id."
            )
        raise UsageError(
            f"No living session begins with {beginning!r}.", cure="See them all: sealpost sessions"
        )
