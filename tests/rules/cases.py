"""What the people of the world may read, as data: the rules' tests, their coverage and their mutants all ask these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.rules.rest import Documents, addressed_to, texts

DENIED = 403
FOUND = 200
NOT_FOUND = 404
SIGNED_OUT = ("signed out", "without session", "ended session", "run-out session", "foreign session")
MESSAGE = "conversations/c-ab/messages/m-ab"
CONVERSATION = "conversations/c-ab"

Answer = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class Get:
    who: str
    path: str
    status: int

    def __str__(self) -> str:
        return f"{self.who} gets {self.path}: {self.status}"

    async def holds(self, user: Documents) -> bool:
        return await user.get(self.path) == self.status


@dataclass(frozen=True, slots=True)
class Find:
    who: str
    what: str
    query: Mapping[str, Any]
    ids: list[str] | None
    """Of the documents found, in order; None: refused."""
    within: str = ""

    def __str__(self) -> str:
        return f"{self.who} finds {self.what}: {DENIED if self.ids is None else ','.join(self.ids)}"

    async def holds(self, user: Documents) -> bool:
        expected = (DENIED, []) if self.ids is None else (FOUND, self.ids)
        return await user.query(self.query, self.within) == expected


@dataclass(frozen=True, slots=True)
class Browse:
    """A list without a query: what the emulator's and the SDKs' list call asks."""

    who: str
    path: str

    def __str__(self) -> str:
        return f"{self.who} browses {self.path}: {DENIED}"

    async def holds(self, user: Documents) -> bool:
        return await user.browse(self.path, limit=10) == DENIED


Case = Get | Find | Browse


def _in(collection: str, query: Mapping[str, Any]) -> dict[str, Any]:
    return {**query, "from": [{"collectionId": collection}]}


def _among_exactly(query: Mapping[str, Any], *members: str) -> dict[str, Any]:
    field = {"fieldPath": "members"}
    return {**query, "where": {"fieldFilter": {"field": field, "op": "EQUAL", "value": texts(*members)}}}


def _conversations(uid: str | None, limit: int | None = 100) -> dict[str, Any]:
    asked = _in("conversations", addressed_to(uid, limit=limit))
    del asked["orderBy"]
    return asked


MESSAGES: list[Case] = [
    *[Get(who, MESSAGE, FOUND) for who in ("ana", "ana elsewhere", "ben")],
    *[Get(who, MESSAGE, DENIED) for who in ("cyd", "garbled session", *SIGNED_OUT)],
    Find("ana", "her messages", addressed_to("ana"), ["m-ab", "m-ac"]),
    Find("ben", "his messages", addressed_to("ben"), ["m-ab"]),
    Find("cyd", "her messages", addressed_to("cyd"), ["m-ac"]),
    Find("ana", "her later messages", addressed_to("ana", since="2026-01-02T00:00:00Z"), ["m-ac"]),
    *[Find(who, "ana's messages", addressed_to("ana"), None) for who in ("cyd", *SIGNED_OUT)],
    Find("ana", "ben's messages", addressed_to("ben"), None),
    Find("ana", "all messages", addressed_to(None), None),
    *[
        Find("ana", f"her messages, at most {limit}", addressed_to("ana", limit=limit), None)
        for limit in (None, 101, 1000)
    ],
    Find("ana", "those of c-ab", _in("messages", addressed_to("ana")), ["m-ab"], f"/{CONVERSATION}"),
    Find("ben", "ana's of c-ab", _in("messages", addressed_to("ana")), None, f"/{CONVERSATION}"),
    Find("ana", "those among ana and ben", _among_exactly(addressed_to(None), "ana", "ben"), ["m-ab"]),
    Find("ana", "those among ben and cyd", _among_exactly(addressed_to(None), "ben", "cyd"), None),
    Browse("ana", f"{CONVERSATION}/messages"),
]

CONVERSATIONS: list[Case] = [
    *[Get(who, CONVERSATION, FOUND) for who in ("ana", "ben")],
    *[Get(who, CONVERSATION, DENIED) for who in ("cyd", *SIGNED_OUT)],
    Find("ana", "her conversations", _conversations("ana"), ["c-ab", "c-ac"]),
    *[Find(who, "ana's conversations", _conversations("ana"), None) for who in ("ben", *SIGNED_OUT)],
    Find("ana", "all conversations", _conversations(None), None),
    Find("ana", "those among ben and cyd", _among_exactly(_conversations(None), "ben", "cyd"), None),
    *[
        Find("ana", f"her conversations, at most {limit}", _conversations("ana", limit), None)
        for limit in (None, 101)
    ],
]

WITH_ONESELF: list[Case] = [
    *[Get("dee", path, FOUND) for path in ("conversations/c-d", "conversations/c-d/messages/m-d")],
    *[Get("ana", path, DENIED) for path in ("conversations/c-d", "conversations/c-d/messages/m-d")],
    Find("dee", "her messages", addressed_to("dee"), ["m-d"]),
    Find("dee", "her conversations", _conversations("dee"), ["c-d"]),
    Find("ana", "dee's messages", addressed_to("dee"), None),
]

SESSIONS: list[Case] = [
    Get("ana", "accounts/ana/sessions/s-ana", FOUND),
    Get("ended session", "accounts/ana/sessions/s-ended", NOT_FOUND),
    Get("run-out session", "accounts/ana/sessions/s-run-out", FOUND),
    *[
        Get("ana", f"accounts/{path}", DENIED)
        for path in ("ana/sessions/s-other", "ben/sessions/s-ben", "ben/sessions/s-ana")
    ],
    *[
        Get(who, "accounts/ana/sessions/s-ana", DENIED)
        for who in ("ana elsewhere", "signed out", "without session")
    ],
    Browse("ana", "accounts/ana/sessions"),
    Browse("ana", "accounts"),
]

UNKNOWN: list[Case] = [Get("ana", "elsewhere/x", DENIED), Browse("ana", "elsewhere")]

READS = [*MESSAGES, *CONVERSATIONS, *WITH_ONESELF, *SESSIONS, *UNKNOWN]
