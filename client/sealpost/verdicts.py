"""What is kept of a document once it was judged: under its id, beside it, or until it can be judged again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sealpost.mailbox import MessageDocument
from sealpost.protocol import bounds, encoding
from sealpost.state import Json, Kind, State, StoredMessage


@dataclass(frozen=True, slots=True)
class Held:
    """A refused document that may be read later: when nobody is frozen any more, or by another version of the client."""

    document: MessageDocument
    frozen: bool
    version: str


class Verdicts:
    """The stored messages of one profile, by the documents that they came in. `now` gives Unix seconds.

    A verdict is a row's content: `kind`, and `inner` (the hash of the signed message) where the message holds its id,
    so that another one under that id is a replay.
    """

    def __init__(self, *, state: State, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now

    def known(self, document: MessageDocument) -> bool:
        """Whether this very document was judged before."""
        fingerprint = _fingerprint(document)
        places = (document.mid, _beside(document.mid, fingerprint))
        return any(_is_of(self._state.message(document.cid, mid), fingerprint) for mid in places)

    def seen(self, document: MessageDocument) -> str | None:
        """The inner hash of another message that holds this id: received, refused late in its checks, or one's own."""
        stored = self._state.message(document.cid, document.mid)
        if stored is not None and not _is_of(stored, _fingerprint(document)) and "inner" in stored.content:
            return str(stored.content["inner"])
        draft = self._draft(document)
        return None if draft is None else str(draft["inner_hash"])

    def keep(
        self,
        document: MessageDocument,
        verdict: Mapping[str, Any],
        *,
        held: Held | None = None,
        new: bool = True,
    ) -> StoredMessage | None:
        """Stores a verdict, `new` until it is shown; None when the same one was stored before.

        A message that holds its id stands under it. A refusal that does not stands there while the place is free, and
        beside it, under a longer id, when another message has it.
        """
        fingerprint, mid = _fingerprint(document), document.mid
        content = {**verdict, "envelope": fingerprint}
        with self._state.transaction():
            first = self._state.message(document.cid, mid)
            if first is not None and not _is_of(first, fingerprint):
                if "inner" in content and "inner" not in first.content:
                    self._state.put_message(replace(first, mid=_beside(mid, first.content["envelope"])))
                else:
                    mid = _beside(mid, fingerprint)
            elif "inner" not in content and self._draft(document) is not None:
                mid = _beside(mid, fingerprint)
            self.settle(document)
            if held is not None:
                self._state.put(Kind.HELD, asdict(held), _held_id(document))
            before = self._state.message(document.cid, mid)
            if before is not None and _essence(before.content) == _essence(content):
                return None
            kept = StoredMessage(document.cid, mid, document.sent_at, new=new, content=content)
            self._state.put_message(kept)
        return kept

    def settle(self, document: MessageDocument) -> None:
        """Nothing more is to come of the document: it is held no longer."""
        with self._state.transaction():
            self._state.delete(Kind.HELD, _held_id(document))
            self.pass_over(document)

    def pass_over(self, document: MessageDocument) -> None:
        """Moves the cursor on: the newest sent_at seen, in microseconds.

        Nobody has signed that time, so it counts only as far as a clock may be ahead: a document of a year to come
        would else hide everything that is sent until then.
        """
        latest = int((self._now() + bounds.CLOCK_TOLERANCE) * 1_000_000)
        cursor = self._state.get(Kind.CURSOR)
        if cursor is None or document.sent_at > cursor["sent_at"]:
            self._state.put(Kind.CURSOR, {"sent_at": min(document.sent_at, latest)})

    def held(self) -> Iterator[Held]:
        for stored in self._state.all(Kind.HELD):
            yield Held(**stored | {"document": MessageDocument(**stored["document"])})

    def empty(self, stored: StoredMessage) -> None:
        """Leaves of an expired message its tombstone: enough to know a replay."""
        hashes = {name: stored.content[name] for name in ("inner", "envelope") if name in stored.content}
        tombstone = replace(stored, new=False, content={"kind": "expired"} | hashes)
        self._state.put_message(tombstone)

    def _draft(self, document: MessageDocument) -> Json | None:
        """The message of this id that is on its way out."""
        draft = self._state.get(Kind.OUTBOX, document.mid)
        return draft if draft is not None and draft["cid"] == document.cid else None


def _fingerprint(document: MessageDocument) -> str:
    """Of all that the checks judge: the same envelope with another field mended is another document."""
    fields = (document.sender_uid, document.sender_device, document.expires_at, document.envelope)
    return encoding.sha256(encoding.compact_json(fields).encode())


def _is_of(stored: StoredMessage | None, fingerprint: str) -> bool:
    return stored is not None and stored.content.get("envelope") == fingerprint


def _essence(verdict: Mapping[str, Any]) -> tuple[object, ...]:
    return verdict.get("envelope"), verdict["kind"], verdict.get("code")


def _beside(mid: str, fingerprint: str) -> str:
    """The id under which a second document of one id is kept. The slash is what no document's own id has."""
    return f"{mid}/{fingerprint[:8]}"


def _held_id(document: MessageDocument) -> str:
    return f"{document.cid}/{document.mid}/{_fingerprint(document)}"
