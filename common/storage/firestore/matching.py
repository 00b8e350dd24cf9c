"""Restored documents brought into line with restored relations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from common.storage.firestore.restored import Document, Documents


def conversation_fields(kind: str, members: Sequence[str]) -> Any:
    """What is stored of a conversation in which nothing has been said."""
    document = Document()
    document.fields["kind"].string_value = kind
    document.fields["version"].integer_value = 1
    document.fields["last_message_at"].integer_value = 0
    document.fields["members"].array_value.SetInParent()
    for uid in members:
        document.fields["members"].array_value.values.add(string_value=uid)
    return document.fields


def below(documents: Documents, conversation: str) -> Iterator[str]:
    """The paths of a conversation's messages."""
    after: str | None = f"conversations/{conversation}/messages/0"
    while page := documents.page("messages", after):
        for each in page:
            path = documents.path(each)
            if not path.startswith(f"conversations/{conversation}/"):
                return
            yield path
        after = documents.path(page[-1])


def match(documents: Documents, known: Mapping[str, tuple[str, tuple[str, ...]]]) -> None:
    """Give each conversation of the relations a document, and take those away that they do not have.

    Relations are backed up later than documents, and erased accounts take their conversations with them.

    Args:
        documents: served to nobody: what is begun meanwhile would be taken away.
        known: the kind and the members of each conversation, by its id.
    """
    there: set[str] = set()
    after: str | None = None
    while page := documents.page("conversations", after):
        there |= {documents.path(each).partition("/")[2] for each in page}
        after = documents.path(page[-1])
    for cid in there - known.keys():
        documents.delete([*below(documents, cid), f"conversations/{cid}"])
    documents.write(
        [
            (f"conversations/{cid}", conversation_fields(kind, people))
            for cid, (kind, people) in known.items()
            if cid not in there
        ]
    )
